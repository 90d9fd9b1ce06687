"""Figures of the echo in, a verdict out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speakerd.config.model import Audio, Config, Conversation
from speakerd.doctor.chirp import Echo, Reach
from speakerd.doctor.finding import Level
from speakerd.doctor.judges.echo import judge
from speakerd.doctor.rehearsal import Rehearsal

ECHO = Echo(delay_ms=41.0, level_dbfs=-35.0, loss_db=20.0, sweeps=3, of_sweeps=3, clipped_frames=0)
REACH = Reach(ECHO, -60.0, 0, 0)
GOOD = Rehearsal(erle_db=30.0, explained_db=20.0, unexplained_db=2.0, interruptions=0, half_duplex="")


def findings(reach=REACH, rehearsal=GOOD, config=None):
    return judge(reach, rehearsal, config or Config(), "alsamixer -D hw:X")


def test_all_is_well():
    path, verdict = findings()
    assert (path.level, verdict.level) == (Level.OK, Level.OK)
    assert path.what == "The microphone hears it after 41 ms, 20 dB quieter than played (-35 dBFS)."
    assert verdict.what == "Full duplex: speech can interrupt the assistant; 30 dB of the echo are cancelled."
    assert verdict.figures["mode"] == "full"
    assert path.figures["delay_ms"] == 41.0


def test_nothing_is_heard():
    (only,) = findings(replace(REACH, echo=None), None)
    assert only.level is Level.PROBLEM
    assert only.why
    assert "alsamixer -D hw:X" in only.remedy


@pytest.mark.parametrize(
    ("change", "words"), [({"clipped_frames": 9}, "overdrives"), ({"delay_ms": 300.0}, "late: what it plays")]
)
def test_a_bad_path(change, words):
    path, _ = findings(replace(REACH, echo=replace(ECHO, **change)))
    assert path.level is Level.NOTICE
    assert words in path.what


def test_out_of_step():
    path, verdict = findings(replace(REACH, echo=replace(ECHO, delay_ms=900.0)), None)
    assert (path.level, verdict.level) == (Level.NOTICE, Level.NOTICE)
    assert "when could not be measured" in path.what


def test_lost_sound():
    lost, _, _ = findings(replace(REACH, capture_xruns=1, playback_xruns=2))
    assert lost.level is Level.NOTICE
    assert "lost sound 3 times" in lost.what


@pytest.mark.parametrize(
    ("rehearsal", "why"),
    [
        (replace(GOOD, erle_db=9.0), "only 9 dB of the echo can be cancelled, 15 are needed"),
        (replace(GOOD, explained_db=0.0, unexplained_db=20.0), "hears much of it changed"),
        (replace(GOOD, interruptions=2), "took its own sound for a voice 2 times"),
    ],
)
def test_half_duplex_and_why(rehearsal, why):
    verdict = findings(rehearsal=rehearsal)[-1]
    assert verdict.level is Level.NOTICE
    assert why in verdict.what
    assert verdict.figures["mode"] == "half"


def test_an_echo_too_faint_to_measure_disturbs_nobody():
    verdict = findings(rehearsal=replace(GOOD, erle_db=None))[-1]
    assert verdict.level is Level.OK
    assert "faint" in verdict.what


@pytest.mark.parametrize("explained_db", [3.0, None])
def test_a_room_as_loud_as_the_echo_explains_nothing_and_is_no_fault(explained_db):
    verdict = findings(rehearsal=replace(GOOD, explained_db=explained_db, unexplained_db=3.0))[-1]
    assert verdict.level is Level.OK


def test_a_verdict_from_a_recording_with_gaps_proves_nothing():
    gaps = replace(REACH, playback_xruns=1)
    verdict = findings(gaps, replace(GOOD, erle_db=2.0))[-1]
    assert verdict.level is Level.NOTICE
    assert verdict.figures["mode"] is None
    assert findings(gaps)[-1].figures["mode"] == "full"


def test_not_measured_is_no_verdict():
    assert findings(rehearsal=None)[-1].level is Level.NOTICE


@pytest.mark.parametrize(("barge_in", "how"), [("off", "nothing"), ("wake_word", "the wake word alone")])
def test_as_configured(barge_in, how):
    bad = replace(GOOD, erle_db=3.0)
    verdict = findings(rehearsal=bad, config=Config(conversation=Conversation(barge_in=barge_in)))[-1]
    assert verdict.level is Level.OK
    assert how in verdict.what


def test_without_cancellation():
    verdict = findings(config=Config(audio=Audio(echo_cancellation=False)))[-1]
    assert verdict.level is Level.NOTICE
    assert "audio.echo_cancellation" in verdict.remedy
