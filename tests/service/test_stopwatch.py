"""What is measured is told: each turn once, lost sound as loudly as it matters."""

from __future__ import annotations

import logging

import pytest

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.logfields import fields_of
from speakerd.service.losses import PAUSE_S
from speakerd.service.stopwatch import Stopwatch

IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, FINISHING, CLOSING = State


@pytest.fixture(autouse=True)
def _all_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "speakerd")


def test_a_turn_is_one_entry_in_words_and_figures(caplog):
    watch = Stopwatch(dict)
    watch.frame(100, 9.95)
    watch.handle(ev.WakeDetected("alexa", 0.9, 100), IDLE, CONNECTING, 10.0)
    watch.sound(ev.Sounded("wake", 10.05))
    watch.handle(ev.SessionReady(1), CONNECTING, LISTENING, 10.25)
    watch.handle(ev.UserSpeechStopped(1), LISTENING, THINKING, 12.0)
    watch.sound(ev.Sounded(ev.REPLY, 12.6))
    watch.handle(ev.PlayoutStarted("i"), THINKING, SPEAKING, 12.6)
    watch.handle(ev.BargeInDetected(100, -30.0), SPEAKING, INTERRUPTED, 13.0)
    watch.handle(ev.DeadlineReached(), INTERRUPTED, SPEAKING, 14.0)
    watch.tell()
    assert caplog.records == []
    watch.handle(ev.PlayoutDrained(final=True), SPEAKING, LISTENING, 15.0)
    watch.tell()
    watch.tell()
    (record,) = caplog.records
    assert record.message == (
        "Turn 1: the chime came 100 ms after the wake word, the microphone was live 300 ms after it, "
        "the reply sounded 600 ms after the server saw the turn's end."
    )
    assert fields_of(record) == {
        "event": "TurnMeasured",
        "turn": 1,
        "wake_to_chime_ms": 100.0,
        "wake_to_live_ms": 300.0,
        "turn_end_to_sound_ms": 600.0,
        "false_interruptions": 1,
    }


def test_a_turn_in_which_nothing_was_measured_is_not_told(caplog):
    watch = Stopwatch(dict)
    watch.handle(ev.WakeDetected("alexa", 0.9, 100), IDLE, CONNECTING, 10.0)
    watch.handle(ev.SessionEnded(1, "tls_failed"), CONNECTING, IDLE, 11.0)
    watch.tell()
    assert caplog.records == []


@pytest.mark.parametrize(("times", "level"), [(1, logging.INFO), (3, logging.WARNING)])
def test_lost_sound_is_told_as_loudly_as_it_matters(caplog, times, level):
    totals = {"playback_xruns": times}
    watch = Stopwatch(lambda: totals)
    watch.look(0.0)
    watch.look(PAUSE_S)
    (record,) = caplog.records
    assert record.levelno == level
    assert fields_of(record) == {
        "event": "SoundLost", "capture_xruns": 0, "capture_dropped": 0, "playback_xruns": times,
    }  # fmt: skip
