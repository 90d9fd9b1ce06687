"""Cards and mixers."""

from __future__ import annotations

import pytest

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.cards import capture, cards, playback
from speakerd.hw.device import MixerControl

OPEN = MixerControl("PCM", playback_percent=80, playback_on=True)


@pytest.mark.parametrize(
    ("microphones", "loudspeakers", "shared", "level"),
    [
        (["USB (hw:CARD=A)"], ["Headphones (hw:CARD=B)"], False, Level.OK),
        ([], [], True, Level.OK),
        ([], [], False, Level.PROBLEM),
        ([], ["Headphones (hw:CARD=B)"], False, Level.PROBLEM),
        (["USB (hw:CARD=A)"], [], False, Level.PROBLEM),
    ],
)
def test_cards(microphones, loudspeakers, shared, level):
    finding = cards(microphones, loudspeakers, shared)
    assert finding.level is level
    assert (level is Level.OK) or ("dtoverlay" in finding.remedy)


@pytest.mark.parametrize(
    ("controls", "level", "words"),
    [
        ([OPEN], Level.OK, "volume 80 %"),
        ([], Level.OK, "no mixer"),
        ([MixerControl("PCM", 80, False)], Level.PROBLEM, "muted (control PCM)"),
        ([MixerControl("PCM", 0, True)], Level.PROBLEM, "volume is 0"),
        ([MixerControl("PCM", 12, True)], Level.NOTICE, "turned down to 12 %"),
        ([OPEN, MixerControl("Headphone", 50, False)], Level.NOTICE, "silent: Headphone"),
    ],
)
def test_the_loudspeaker(controls, level, words):
    (only,) = playback(controls, "PCM" if controls else "", "alsamixer -D hw:X")
    assert only.level is level
    assert words in only.what
    assert level is Level.OK or only.remedy.startswith("alsamixer -D hw:X")


@pytest.mark.parametrize(
    ("controls", "level", "words"),
    [
        ([MixerControl("Mic", capture_percent=70, capture_on=True)], Level.OK, "Mic 70 %"),
        ([OPEN], Level.OK, "no mixer"),
        ([MixerControl("Mic", capture_percent=70, capture_on=False)], Level.PROBLEM, "Mic (off)"),
        ([MixerControl("Mic", capture_percent=0, capture_on=True)], Level.PROBLEM, "Mic (0 %)"),
        (
            [MixerControl("Mic", capture_percent=70), MixerControl("Line", capture_on=False)],
            Level.NOTICE,
            "closed: Line (off)",
        ),
    ],
)
def test_the_microphone(controls, level, words):
    (only,) = capture(controls, "alsamixer -D hw:X")
    assert only.level is level
    assert words in only.what
