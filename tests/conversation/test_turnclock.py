"""The turn clock's figures."""

from __future__ import annotations

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.conversation.turnclock import TurnClock


def test_figures_of_a_conversation():
    clock = TurnClock()
    wake = ev.WakeDetected("alexa", 0.9, 10)
    assert clock.handle(wake, State.IDLE, State.LISTENING, 1.0) == {}
    assert clock.handle(ev.SessionReady(1), State.CONNECTING, State.LISTENING, 1.25) == {"wake_to_live_ms": 250.0}
    assert clock.handle(ev.UserSpeechStopped(1), State.LISTENING, State.LISTENING, 3.0) == {}
    assert clock.handle(ev.PlayoutStarted("i"), State.THINKING, State.LISTENING, 3.4) == {"turn_end_to_sound_ms": 400.0}
    assert clock.handle(wake, State.SPEAKING, State.LISTENING, 5.0) == {}
    assert clock.handle(ev.PlayoutFlushed(), State.LISTENING, State.LISTENING, 5.03) == {"barge_in_to_silence_ms": 30.0}


def test_a_refill_during_a_reply_is_no_new_answer():
    clock = TurnClock()
    clock.handle(ev.UserSpeechStopped(1), State.LISTENING, State.LISTENING, 3.0)
    clock.handle(ev.PlayoutStarted("i"), State.THINKING, State.LISTENING, 3.4)
    assert clock.handle(ev.PlayoutStarted("i"), State.SPEAKING, State.LISTENING, 4.0) == {}


def test_speech_while_listening_is_no_interruption():
    clock = TurnClock()
    clock.handle(ev.UserSpeechStarted(1), State.LISTENING, State.LISTENING, 3.0)
    assert clock.handle(ev.PlayoutFlushed(), State.LISTENING, State.LISTENING, 3.1) == {}


def test_a_wake_word_that_interrupts_nothing_is_no_interruption():
    clock = TurnClock()
    clock.handle(ev.WakeDetected("alexa", 0.9, 10), State.SPEAKING, State.SPEAKING, 1.0)
    assert clock.handle(ev.PlayoutFlushed(), State.LISTENING, State.LISTENING, 9.0) == {}


def test_a_pause_lasts_until_the_server_heard_words():
    clock = TurnClock()
    detected = ev.BargeInDetected(5, -20.0)
    assert clock.handle(detected, State.SPEAKING, State.INTERRUPTED, 5.0) == {}
    words = clock.handle(ev.UserSpeechStarted(1), State.INTERRUPTED, State.LISTENING, 5.4)
    assert words == {"pause_to_words_ms": 400.0}
    assert clock.handle(ev.PlayoutFlushed(), State.LISTENING, State.LISTENING, 5.45) == {}


def test_a_turn_may_end_in_a_pause():
    clock = TurnClock()
    clock.handle(ev.BargeInDetected(5, -20.0), State.SPEAKING, State.INTERRUPTED, 5.0)
    clock.handle(ev.UserSpeechStopped(1), State.INTERRUPTED, State.THINKING, 6.0)
    assert clock.handle(ev.PlayoutStarted("i"), State.THINKING, State.SPEAKING, 6.5) == {"turn_end_to_sound_ms": 500.0}
