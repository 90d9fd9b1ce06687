"""The table of the conversation: every transition there is, in one place. Pure.

Rows are tried from the top; the first that fits is taken. The diagram and the table in
`docs/conversation.md` are made from these rows (`python -m speakerd.conversation.diagram`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from speakerd.config.model import BargeIn
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Action
from speakerd.conversation.acts import interruption, reply, session, turn
from speakerd.conversation.state import CLOSING_S, IN_REPLY, Facts, State

Act = Callable[[Facts, Any, float], list[Action]]
When = Callable[[Facts, Any, float], bool]


def _always(_f: Facts, _event: object, _now_s: float) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Row:
    """In one of `states`, on `event`, if `when`: do `act`, go `to`."""

    states: frozenset[State]
    event: type
    to: State | None
    """None: the state stays."""
    act: Act
    when: When = _always
    label: str = ""
    """`when` in words, for the diagram."""
    rearm: bool = False
    """Set the deadline anew although the state stays."""


IDLE = frozenset({State.IDLE})
CONNECTING = frozenset({State.CONNECTING})
LISTENING = frozenset({State.LISTENING})
THINKING = frozenset({State.THINKING})
SPEAKING = frozenset({State.SPEAKING})
INTERRUPTED = frozenset({State.INTERRUPTED})
FINISHING = frozenset({State.FINISHING})
CLOSING = frozenset({State.CLOSING})
SILENT = LISTENING | THINKING
AUDIBLE = SPEAKING | FINISHING
ANY = frozenset(State)


def _speaking(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.user_speaking


def _too_long(f: Facts, _event: ev.Event, now_s: float) -> bool:
    return not f.user_speaking and now_s >= f.talk_until_s


def _silent_answer(f: Facts, event: ev.ResponseEnded, _now_s: float) -> bool:
    return event.audio_ms == 0 and not f.unheard


def _was_all(f: Facts, event: ev.PlayoutDrained, _now_s: float) -> bool:
    return f.response_done and event.final


def _tools(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.tools


def _called(f: Facts, event: ev.ResponseEnded, _now_s: float) -> bool:
    """One without an id never began: nothing will tell what the functions gave."""
    return f.tools and bool(event.response_id)


def _is_all_here(f: Facts, _event: ev.SessionEnded, _now_s: float) -> bool:
    return f.response_done and not f.tools and not f.drained


def _was_all_before_tools(f: Facts, event: ev.PlayoutDrained, now_s: float) -> bool:
    return f.tools and _was_all(f, event, now_s)


def _nothing_sounds(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.drained


def _parted(_f: Facts, event: ev.StopRequested, _now_s: float) -> bool:
    return event == ev.GOODBYE


def _woken(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.wake_pending is not None


def _by_speech(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.rules.barge_in is BargeIn.SPEECH


def _suspect(f: Facts, event: ev.Event, now_s: float) -> bool:
    return _by_speech(f, event, now_s) and not f.drained


def _another(f: Facts, event: ev.ResponseStarted, _now_s: float) -> bool:
    return event.response_id != f.response_id


def _by_wake_word(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.rules.barge_in is not BargeIn.OFF


S = State
ROWS: tuple[Row, ...] = (
    Row(IDLE, ev.WakeDetected, S.CONNECTING, session.begin),
    # CONNECTING
    Row(CONNECTING, ev.SessionReady, S.LISTENING, session.connected),
    Row(CONNECTING, ev.SessionEnded, S.IDLE, session.lost),
    Row(CONNECTING, ev.DeadlineReached, S.CLOSING, session.connect_too_late),
    Row(CONNECTING, ev.StopRequested, S.CLOSING, session.connect_stopped),
    # LISTENING
    Row(LISTENING, ev.UserSpeechStarted, None, turn.user_speaks, rearm=True),
    Row(LISTENING, ev.UserSpeechStopped, S.THINKING, turn.user_finished),
    Row(LISTENING, ev.NothingAsked, None, turn.user_finished, rearm=True),
    Row(LISTENING, ev.ResponseStarted, S.THINKING, reply.response),
    Row(LISTENING, ev.WakeDetected, None, turn.called_again, rearm=True),
    Row(LISTENING, ev.DeadlineReached, S.CLOSING, session.part, _too_long, "conversation too long"),
    Row(LISTENING, ev.DeadlineReached, S.THINKING, turn.user_endless, _speaking, "user still speaking"),
    Row(LISTENING, ev.DeadlineReached, S.CLOSING, session.part, label="silence"),
    # THINKING
    Row(THINKING, ev.ResponseStarted, None, reply.tools_answered, _tools, "functions ran", rearm=True),
    Row(THINKING, ev.ResponseStarted, None, reply.response),
    Row(THINKING, ev.ToolsCalled, None, reply.tools_called, rearm=True),
    Row(THINKING, ev.ToolsSettled, S.LISTENING, reply.nothing_to_say, _nothing_sounds, "all was heard"),
    Row(THINKING, ev.ToolsSettled, None, reply.tools_settled),
    Row(THINKING, ev.PlayoutStarted, S.SPEAKING, reply.audible),
    Row(THINKING, ev.UserSpeechStarted, S.LISTENING, turn.user_goes_on),
    Row(THINKING, ev.UserSpeechStopped, None, turn.nothing),
    Row(THINKING, ev.ResponseEnded, None, reply.response_done, _called, "functions run"),
    Row(THINKING, ev.ResponseEnded, S.LISTENING, reply.no_words, _silent_answer, "no audio, and none waits"),
    Row(THINKING, ev.ResponseEnded, None, reply.response_done, label="audio"),
    Row(THINKING, ev.PlayoutDrained, None, reply.ran_dry_unheard, _was_all_before_tools, "functions run"),
    Row(THINKING, ev.PlayoutDrained, S.LISTENING, reply.reply_over, _was_all, "its sound was lost"),
    Row(THINKING, ev.DeadlineReached, S.LISTENING, reply.no_answer),
    # SPEAKING
    Row(AUDIBLE, ev.BargeInSuspected, None, interruption.duck, _suspect, "barge_in: speech, audible"),
    Row(SPEAKING, ev.BargeInSuspected, None, interruption.late_suspicion, _by_speech, "barge_in: speech, ran dry"),
    Row(AUDIBLE, ev.BargeInDismissed, None, interruption.restore),
    Row(SPEAKING, ev.BargeInDetected, S.INTERRUPTED, interruption.barge_in, _by_speech, "barge_in: speech"),
    Row(SPEAKING, ev.UserSpeechStarted, S.LISTENING, interruption.barge_in_by_server, _by_speech, "barge_in: speech"),
    Row(SPEAKING, ev.UserSpeechStarted, None, turn.user_speaks),
    Row(SPEAKING, ev.UserSpeechStopped, None, turn.user_finished),
    Row(
        SPEAKING,
        ev.WakeDetected,
        S.LISTENING,
        interruption.barge_in_by_wake,
        _by_wake_word,
        "barge_in: speech or wake_word",
    ),
    Row(SPEAKING, ev.ResponseStarted, None, reply.response, rearm=True),
    Row(SPEAKING, ev.ToolsCalled, None, reply.tools_called),
    Row(SPEAKING, ev.ToolsSettled, None, reply.tools_settled),
    Row(SPEAKING, ev.ResponseEnded, None, reply.response_done),
    Row(SPEAKING, ev.PlayoutDrained, S.THINKING, reply.ran_dry, _was_all_before_tools, "functions run"),
    Row(SPEAKING, ev.PlayoutDrained, S.LISTENING, reply.reply_over, _was_all, "response done"),
    Row(SPEAKING, ev.PlayoutDrained, None, reply.ran_dry, rearm=True),
    Row(SPEAKING, ev.PlayoutStarted, None, reply.audible_again, rearm=True),
    Row(SPEAKING, ev.DeadlineReached, S.LISTENING, reply.reply_too_long),
    # INTERRUPTED
    Row(INTERRUPTED, ev.UserSpeechStarted, S.LISTENING, interruption.words_begin),
    Row(INTERRUPTED, ev.UserSpeechStopped, S.THINKING, interruption.words_ended),
    Row(INTERRUPTED, ev.WakeDetected, S.LISTENING, interruption.wake_in_pause),
    Row(INTERRUPTED, ev.ResponseStarted, None, reply.response, _tools, "functions ran"),
    Row(INTERRUPTED, ev.ResponseStarted, S.THINKING, interruption.other_response, _another, "another"),
    Row(INTERRUPTED, ev.ToolsCalled, None, reply.tools_called),
    Row(INTERRUPTED, ev.ToolsSettled, None, reply.tools_settled),
    Row(INTERRUPTED, ev.ResponseEnded, None, reply.response_done),
    Row(
        INTERRUPTED,
        ev.PlayoutDrained,
        S.THINKING,
        interruption.wait_for_tools_in_pause,
        _was_all_before_tools,
        "functions run",
    ),
    Row(INTERRUPTED, ev.PlayoutDrained, S.LISTENING, interruption.reply_over_in_pause, _was_all, "response done"),
    Row(INTERRUPTED, ev.PlayoutDrained, None, reply.ran_dry_unheard),
    Row(INTERRUPTED, ev.PlayoutStarted, None, interruption.audible_in_pause),
    Row(INTERRUPTED, ev.DeadlineReached, S.SPEAKING, interruption.false_alarm, label="no words"),
    # FINISHING
    Row(SPEAKING, ev.SessionEnded, S.FINISHING, session.lost_behind_reply, _is_all_here, "its sound is all here"),
    Row(FINISHING, ev.WakeDetected, S.CONNECTING, session.begin_over_reply, _by_wake_word, "barge_in: not off"),
    Row(FINISHING, ev.BargeInDetected, S.IDLE, session.lost_in_reply, _by_speech, "barge_in: speech"),
    Row(FINISHING, ev.PlayoutDrained, S.IDLE, session.reply_outlasted, _was_all, "all was heard"),
    Row(FINISHING, ev.StopRequested, S.IDLE, session.stop_reply),
    Row(FINISHING, ev.DeadlineReached, S.IDLE, session.lost_in_reply),
    # nothing sounds any more, and what was decided while it did was on its way
    Row(SILENT, ev.BargeInSuspected, None, interruption.late_suspicion, _by_speech, "barge_in: speech"),
    Row(SILENT, ev.BargeInDetected, None, interruption.late_barge_in, _by_speech, "barge_in: speech"),
    # LISTENING and all of a reply alike
    Row(IN_REPLY, ev.SessionEnded, S.IDLE, session.lost_in_reply),
    Row(LISTENING, ev.SessionEnded, S.IDLE, session.lost),
    Row(IN_REPLY, ev.StopRequested, S.CLOSING, session.stop_in_reply),
    Row(LISTENING, ev.StopRequested, S.CLOSING, session.part, _parted, "goodbye"),
    Row(LISTENING, ev.StopRequested, S.CLOSING, session.stop),
    # CLOSING
    Row(CLOSING, ev.WakeDetected, None, session.remember_wake),
    Row(CLOSING, ev.StopRequested, None, session.forget_wake),
    Row(CLOSING, ev.SessionEnded, S.CONNECTING, session.begin_again, _woken, "woken meanwhile"),
    Row(CLOSING, ev.SessionEnded, S.IDLE, turn.nothing),
    Row(CLOSING, ev.DeadlineReached, S.CONNECTING, session.cut_and_begin_again, _woken, "woken meanwhile"),
    Row(CLOSING, ev.DeadlineReached, S.IDLE, session.cut),
    # wherever we are
    Row(ANY, ev.PlayoutFlushed, None, reply.flushed),
)


def deadline_s(f: Facts, now_s: float) -> float | None:
    """When the state that the machine is in has lasted too long; CLOCK_MONOTONIC seconds."""
    rules = f.rules
    match f.state:
        case State.IDLE:
            return None
        case State.CONNECTING:
            return now_s + rules.connect_s
        case State.LISTENING:
            return now_s + rules.turn_s if f.user_speaking else max(now_s, min(f.talk_until_s, now_s + rules.silence_s))
        case State.THINKING:
            return now_s + rules.think_s + (rules.tools_s if f.tools else 0.0)
        case State.SPEAKING:  # dry and not done: the network is late, but it has not for ever
            return min(f.reply_until_s, now_s + rules.think_s) if f.drained else f.reply_until_s
        case State.INTERRUPTED:
            return now_s + rules.words_s
        case State.FINISHING:
            return f.reply_until_s
        case State.CLOSING:
            return now_s + CLOSING_S
