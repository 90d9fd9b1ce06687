"""The figures and checks of the demonstration, on a performance made up sample by sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerd.demo.recording import Recording
from speakerd.demo.stage import Performance, Spoken
from speakerd.demo.timeline import Timeline
from speakerd.demo.verdict import checks, latencies

RATE_HZ = 48_000


def sound(*stretches: tuple[float, float]) -> Recording:
    """20 s from t = 100, with a tone in each stretch of time."""
    samples = np.zeros(20 * RATE_HZ, np.int16)
    for start_s, end_s in stretches:
        a, b = round((start_s - 100) * RATE_HZ), round((end_s - 100) * RATE_HZ)
        samples[a:b] = 5000 * np.sign(np.sin(np.arange(b - a) / 20))
    return Recording(samples, 100.0)


def changed(t: float, before: str, after: str) -> dict:
    return {"t": t, "event": "StateChanged", "state": after, "from": before}


@pytest.fixture
def played() -> Performance:
    """Chime at 102.05, answer 104-105, story 108-111.03, interruption from 110.7, decided at 111."""
    events = [
        {"t": 100.5, "event": "Ready", "state": "IDLE"},
        {"t": 102.0, "event": "WakeDetected", "state": "CONNECTING", "word": "hey_jarvis", "score": 0.9},
        changed(102.0, "IDLE", "CONNECTING"),
        changed(102.1, "CONNECTING", "LISTENING"),
        {"t": 103.6, "event": "Said", "state": "THINKING", "role": "user", "text": "Jarvis, what time is it?"},
        {"t": 103.95, "event": "PlayoutStarted", "state": "SPEAKING"},
        changed(103.95, "THINKING", "SPEAKING"),
        changed(105.1, "SPEAKING", "LISTENING"),
        {"t": 107.95, "event": "PlayoutStarted", "state": "SPEAKING"},
        changed(107.95, "THINKING", "SPEAKING"),
        {"t": 111.0, "event": "BargeInDetected", "state": "INTERRUPTED"},
        {"t": 111.4, "event": "PlayoutFlushed", "state": "LISTENING", "heard_ms": 3000},
        changed(111.0, "SPEAKING", "INTERRUPTED"),
        changed(111.4, "INTERRUPTED", "LISTENING"),
        changed(115.0, "LISTENING", "IDLE"),
    ]
    spoken = [Spoken("a", 101.0, 103.0), Spoken("b", 106.0, 107.0), Spoken("c", 110.7, 112.0)]
    speaker = sound((102.05, 102.2), (104.0, 105.0), (108.0, 111.03))
    return Performance(sound((101, 103)), speaker, events, spoken, "", 0)


def test_latencies_are_those_of_the_recording(played):
    found = {latency.name: latency.ms for latency in latencies(played)[:2] + latencies(played)[3:]}
    assert found == {
        "wake word to chime": pytest.approx(50, abs=11),
        "user done to first sound": pytest.approx(1000, abs=11),
        "interruption begins to decision": pytest.approx(300, abs=1),
        "decision to silence": pytest.approx(30, abs=2),
    }


def test_a_good_performance_passes(played):
    assert [check for check in checks(played) if not check.passed] == []


@pytest.mark.parametrize(
    ("spoil", "fails"),
    [
        (lambda p: replace(p, missed="waited"), "the play went to its end: waited"),
        (lambda p: replace(p, exit_status=None), "the daemon stopped when told to"),
        (lambda p: replace(p, events=p.events[:-1]), "silence ended the conversation"),
        (
            lambda p: replace(p, speaker=sound((102.05, 102.2), (104.0, 105.0), (108.0, 112.0))),
            "talking over the story",
        ),
        (lambda p: replace(p, speaker=sound((102.05, 102.2))), "the answer sounded"),
        (lambda p: replace(p, events=[e for e in p.events if e["event"] != "Said"]), "in the same breath"),
        (lambda p: replace(p, events=[e for e in p.events if e["event"] != "WakeDetected"]), "the wake word was heard"),
        (lambda p: replace(p, events=[e for e in p.events if e["event"] != "PlayoutFlushed"]), "cut to what was heard"),
    ],
)
def test_what_went_wrong_is_named(played, spoil, fails):
    failed = [check.what for check in checks(spoil(played)) if not check.passed]
    assert any(fails in what for what in failed), failed


def test_a_line_that_had_to_be_said_twice_is_told(played):
    [told] = [check for check in checks(replace(played, repeated=True)) if "silenced" in check.what]
    assert told.passed
    assert told.what.endswith("(at the second time of asking)")


def test_the_picture_shows_sounds_states_words_and_latencies(played):
    svg = Timeline(played).svg()
    assert svg.startswith("<svg ")
    assert svg.count("<path ") == 2
    for text in ("LISTENING", "SPEAKING", "IDLE", "“a”", "decision to silence: 30 ms", "microphone", "loudspeaker"):
        assert text in svg


def test_words_in_the_picture_are_escaped(played):
    svg = Timeline(replace(played, spoken=[Spoken("<script>", 101.0, 103.0)])).svg()
    assert "<script>" not in svg


def test_a_performance_without_events_still_has_a_picture(played):
    assert Timeline(replace(played, events=[], spoken=[])).svg().endswith("</svg>\n")
