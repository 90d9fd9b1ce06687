"""The turn clock's figures, from what truly sounded and was heard."""

from __future__ import annotations

import pytest

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.conversation.turnclock import TurnClock

IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, FINISHING, CLOSING = State
WAKE = ev.WakeDetected("alexa", 0.9, 500)
READY = ev.SessionReady(1)
STOPPED = ev.UserSpeechStopped(1)
AUDIBLE = ev.PlayoutStarted("i")
DRAINED = ev.PlayoutDrained(final=True)
FLUSHED = ev.PlayoutFlushed()
LATE = ev.DeadlineReached()


@pytest.fixture
def clock() -> TurnClock:
    """Near frame 500 had come at 10.00 s, so frame i at i/50 s."""
    made = TurnClock()
    made.frame(500, 10.0)
    return made


def woken(clock: TurnClock) -> None:
    clock.handle(WAKE, IDLE, CONNECTING, 10.05)
    clock.sound(ev.Sounded("wake", 10.12))
    clock.handle(READY, CONNECTING, LISTENING, 10.3)


def asked(clock: TurnClock, at_s: float = 12.0) -> None:
    """The last word ended 0.6 s before the server said so, the reply sounds 0.7 s after that."""
    clock.frame(round(at_s * 50), at_s)
    clock.speech(ev.SpeechDetected(False, round((at_s - 0.6) * 50) + 1), at_s)
    clock.handle(STOPPED, LISTENING, THINKING, at_s)
    clock.handle(AUDIBLE, THINKING, SPEAKING, at_s + 0.65)
    clock.sound(ev.Sounded(ev.REPLY, at_s + 0.7))


def figures(clock: TurnClock) -> list[dict[str, float]]:
    return [turn.figures() for turn in clock.take()]


def test_a_turn_from_the_wake_word_to_the_end_of_the_reply(clock):
    clock.handle(WAKE, IDLE, CONNECTING, 10.05)
    clock.sound(ev.Sounded("wake", 10.12))
    assert clock.handle(READY, CONNECTING, LISTENING, 10.3) == {"wake_to_live_ms": 300.0}
    asked(clock)
    assert figures(clock) == []
    clock.handle(DRAINED, SPEAKING, LISTENING, 15.0)
    assert figures(clock) == [
        {
            "wake_to_chime_ms": 120.0,
            "wake_to_live_ms": 300.0,
            "speech_end_to_sound_ms": 1300.0,
            "turn_end_to_sound_ms": 700.0,
        }
    ]
    assert figures(clock) == []


def test_the_next_turn_has_neither_wake_word_nor_the_times_of_the_one_before(clock):
    woken(clock)
    asked(clock)
    clock.handle(DRAINED, SPEAKING, LISTENING, 15.0)
    asked(clock, 17.0)
    clock.handle(DRAINED, SPEAKING, LISTENING, 19.0)
    first, second = clock.take()
    assert (first.number, second.number) == (1, 2)
    assert second.figures() == {"speech_end_to_sound_ms": 1300.0, "turn_end_to_sound_ms": 700.0}


def test_only_the_first_sound_of_a_reply_counts(clock):
    woken(clock)
    asked(clock)
    clock.sound(ev.Sounded(ev.REPLY, 14.0))  # after it ran dry
    clock.sound(ev.Sounded("wake", 14.0))
    clock.handle(DRAINED, SPEAKING, LISTENING, 15.0)
    (turn,) = clock.take()
    assert turn.figures()["turn_end_to_sound_ms"] == 700.0
    assert turn.figures()["wake_to_chime_ms"] == 120.0


def interrupted(clock: TurnClock) -> None:
    """Words begin with the near frame that came from 13.98 to 14.00 s; silence at 14.21 s."""
    clock.frame(715, 14.3)
    clock.handle(ev.BargeInDetected(700, -30.0), SPEAKING, INTERRUPTED, 14.15)
    clock.sound(ev.FellSilent(14.21))


@pytest.mark.parametrize("event", [ev.UserSpeechStarted(1), STOPPED, ev.ResponseStarted(1, "r2")])
def test_words_over_the_reply_from_their_onset_to_silence(clock, event):
    woken(clock)
    asked(clock)
    interrupted(clock)
    after = LISTENING if isinstance(event, ev.UserSpeechStarted) else THINKING
    assert clock.handle(event, INTERRUPTED, after, 14.6) == {"pause_to_words_ms": 450.0}
    assert figures(clock) == [], "the flush has not been answered"
    clock.handle(FLUSHED, after, after, 14.65)
    (turn,) = clock.take()
    assert turn.interrupted == "speech"
    assert turn.figures()["voice_to_silence_ms"] == 230.0
    assert turn.figures()["pause_to_words_ms"] == 450.0


def test_an_interruption_ends_one_turn_and_begins_the_next(clock):
    woken(clock)
    asked(clock)
    interrupted(clock)
    clock.frame(730, 14.6)
    clock.speech(ev.SpeechDetected(False, 721), 14.6)
    clock.handle(STOPPED, INTERRUPTED, THINKING, 14.65)
    clock.handle(FLUSHED, THINKING, THINKING, 14.66)
    clock.handle(AUDIBLE, THINKING, SPEAKING, 15.2)
    clock.sound(ev.Sounded(ev.REPLY, 15.25))
    clock.handle(DRAINED, SPEAKING, LISTENING, 17.0)
    _, second = clock.take()
    assert second.figures() == {"speech_end_to_sound_ms": 850.0, "turn_end_to_sound_ms": 600.0}


def test_the_wake_word_over_the_reply_is_another_figure(clock):
    woken(clock)
    asked(clock)
    clock.frame(702, 14.04)
    clock.handle(ev.WakeDetected("alexa", 0.9, 700), SPEAKING, LISTENING, 14.05)
    clock.sound(ev.FellSilent(14.1))
    clock.handle(FLUSHED, LISTENING, LISTENING, 14.1)
    (turn,) = clock.take()
    assert turn.interrupted == "wake_word"
    assert turn.figures()["wake_to_silence_ms"] == 100.0
    assert "voice_to_silence_ms" not in turn.figures()


def test_a_pause_without_words_is_counted_and_not_timed(clock):
    woken(clock)
    asked(clock)
    interrupted(clock)
    clock.handle(LATE, INTERRUPTED, SPEAKING, 16.0)
    clock.handle(DRAINED, SPEAKING, LISTENING, 18.0)
    (turn,) = clock.take()
    assert (turn.false_interruptions, turn.interrupted) == (1, "")
    assert "voice_to_silence_ms" not in turn.figures()
    assert "pause_to_words_ms" not in turn.figures()


def test_after_a_pause_without_words_a_wake_word_is_timed_as_one(clock):
    woken(clock)
    asked(clock)
    interrupted(clock)
    clock.handle(LATE, INTERRUPTED, SPEAKING, 16.0)
    clock.frame(805, 16.1)
    clock.handle(ev.WakeDetected("alexa", 0.9, 805), SPEAKING, LISTENING, 16.12)
    clock.sound(ev.FellSilent(16.2))
    clock.handle(FLUSHED, LISTENING, LISTENING, 16.2)
    (turn,) = clock.take()
    assert turn.figures()["wake_to_silence_ms"] == 100.0
    assert "voice_to_silence_ms" not in turn.figures()


def test_after_a_pause_without_words_the_real_one_is_timed(clock):
    woken(clock)
    asked(clock)
    clock.frame(650, 13.0)
    clock.handle(ev.BargeInDetected(649, -30.0), SPEAKING, INTERRUPTED, 13.05)
    clock.sound(ev.FellSilent(13.1))
    clock.handle(LATE, INTERRUPTED, SPEAKING, 13.5)
    interrupted(clock)
    clock.handle(ev.UserSpeechStarted(1), INTERRUPTED, LISTENING, 14.6)
    clock.handle(FLUSHED, LISTENING, LISTENING, 14.6)
    (turn,) = clock.take()
    assert turn.figures()["voice_to_silence_ms"] == 230.0


def test_a_user_who_goes_on_before_the_reply_sounds_is_in_the_same_turn(clock):
    woken(clock)
    clock.handle(STOPPED, LISTENING, THINKING, 12.0)
    clock.handle(ev.UserSpeechStarted(1), THINKING, LISTENING, 12.4)
    clock.handle(FLUSHED, LISTENING, LISTENING, 12.4)
    assert clock.take() == []
    asked(clock, 14.0)
    clock.handle(DRAINED, SPEAKING, LISTENING, 16.0)
    (turn,) = clock.take()
    assert turn.figures()["turn_end_to_sound_ms"] == 700.0
    assert turn.figures()["wake_to_chime_ms"] == 120.0


def test_local_speech_that_goes_on_beyond_the_servers_word_tells_nothing(clock):
    woken(clock)
    clock.speech(ev.SpeechDetected(True, 520), 10.5)
    clock.frame(600, 12.0)
    clock.handle(STOPPED, LISTENING, THINKING, 12.0)
    clock.frame(640, 12.8)
    clock.speech(ev.SpeechDetected(False, 615), 12.8)  # a television, still on
    clock.sound(ev.Sounded(ev.REPLY, 12.9))
    clock.handle(DRAINED, SPEAKING, LISTENING, 14.0)
    (turn,) = clock.take()
    assert turn.figures()["turn_end_to_sound_ms"] == 900.0
    assert "speech_end_to_sound_ms" not in turn.figures()


def test_a_pause_for_breath_before_that_is_not_the_end_of_the_words(clock):
    woken(clock)
    clock.frame(540, 10.8)
    clock.speech(ev.SpeechDetected(False, 515), 10.8)
    clock.speech(ev.SpeechDetected(True, 560), 11.3)
    clock.frame(600, 12.0)
    clock.handle(STOPPED, LISTENING, THINKING, 12.0)
    clock.sound(ev.Sounded(ev.REPLY, 12.5))
    clock.handle(DRAINED, SPEAKING, LISTENING, 14.0)
    (turn,) = clock.take()
    assert "speech_end_to_sound_ms" not in turn.figures(), "the end has not been told"


def test_the_end_of_the_words_may_become_known_after_the_reply_began(clock):
    woken(clock)
    clock.speech(ev.SpeechDetected(True, 520), 10.5)
    clock.frame(600, 12.0)
    clock.handle(STOPPED, LISTENING, THINKING, 12.0)
    clock.sound(ev.Sounded(ev.REPLY, 12.1))
    clock.frame(610, 12.2)
    clock.speech(ev.SpeechDetected(False, 586), 12.2)
    clock.speech(ev.SpeechDetected(False, 609), 12.4)  # the reply's own echo
    clock.handle(DRAINED, SPEAKING, LISTENING, 14.0)
    (turn,) = clock.take()
    assert turn.figures()["speech_end_to_sound_ms"] == 400.0


def test_a_conversation_without_words_tells_the_wake_words_times(clock):
    woken(clock)
    clock.handle(LATE, LISTENING, CLOSING, 18.0)
    assert figures(clock) == [{"wake_to_chime_ms": 120.0, "wake_to_live_ms": 300.0}]
    clock.handle(ev.SessionEnded(1), CLOSING, IDLE, 18.1)
    assert figures(clock) == []


def test_a_session_that_breaks_off_in_the_reply_ends_the_turn(clock):
    woken(clock)
    asked(clock)
    clock.handle(ev.SessionEnded(1, "connection_lost"), SPEAKING, IDLE, 14.0)
    clock.handle(FLUSHED, IDLE, IDLE, 14.05)
    assert len(clock.take()) == 1
    clock.sound(ev.Sounded(ev.REPLY, 16.0))  # a notice
    clock.handle(AUDIBLE, IDLE, IDLE, 16.0)
    assert clock.take() == []


def test_a_wake_word_while_the_old_session_closes_counts_from_then(clock):
    woken(clock)
    clock.handle(LATE, LISTENING, CLOSING, 18.0)
    clock.frame(905, 18.1)
    clock.handle(ev.WakeDetected("alexa", 0.9, 905), CLOSING, CLOSING, 18.15)
    clock.handle(ev.SessionEnded(1), CLOSING, CONNECTING, 18.5)
    clock.sound(ev.Sounded("wake", 18.6))
    clock.handle(ev.SessionReady(2), CONNECTING, LISTENING, 18.7)
    clock.handle(LATE, LISTENING, CLOSING, 27.0)
    first, second = clock.take()
    assert second.figures() == {"wake_to_chime_ms": 500.0, "wake_to_live_ms": 600.0}
    assert (first.number, second.number) == (1, 1)


def test_without_a_microphones_clock_the_event_itself_is_the_moment():
    clock = TurnClock()
    clock.handle(WAKE, IDLE, CONNECTING, 10.0)
    assert clock.handle(READY, CONNECTING, LISTENING, 10.25) == {"wake_to_live_ms": 250.0}
