"""The table of the conversation: every transition there is, in one place. Pure.

Rows are tried from the top; the first that fits is taken. The diagram and the table in
`docs/conversation.md` are made from these rows (`python -m speakerd.conversation.diagram`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from speakerd.config.model import BargeIn
from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Action, Earcon
from speakerd.conversation.state import CLOSING_S, Facts, State

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


# ---------------------------------------------------------------- what rows do


def _nothing(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return []


def _begin(f: Facts, event: ev.WakeDetected, _now_s: float) -> list[Action]:
    f.session += 1
    f.user_speaking, f.wake_pending = False, None
    f.forget_response()
    return [
        do.PlayEarcon(Earcon.WAKE),
        do.HoldUplink(event.frame_index - f.rules.preroll_frames + 1),
        do.OpenSession(f.session),
    ]


def _begin_again(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    wake = f.wake_pending
    assert wake is not None
    return _begin(f, wake, now_s)


def _cut_and_begin_again(f: Facts, event: ev.Event, now_s: float) -> list[Action]:
    return [do.AbortSession(), *_begin_again(f, event, now_s)]


def _remember_wake(f: Facts, event: ev.WakeDetected, _now_s: float) -> list[Action]:
    f.wake_pending = event
    return [do.HoldUplink(event.frame_index - f.rules.preroll_frames + 1)]


def _forget_wake(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.wake_pending = None
    return [do.CloseUplink()]


def _connected(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.talk_until_s = now_s + f.rules.conversation_s
    return [do.OpenUplink()]


def _called_again(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.talk_until_s = now_s + f.rules.conversation_s
    return []


def _not_connected(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.PlayEarcon(Earcon.ERROR)]


def _connect_too_late(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.AbortSession(), do.PlayEarcon(Earcon.ERROR)]


def _connect_stopped(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.AbortSession()]


def _user_speaks(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return []


def _user_finished(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = False
    return []


def _user_endless(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = False
    return [do.EndTurn(), do.HoldUplink()]  # what goes on and on must not cancel the answer to it


def _silence(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.CloseSession(), do.PlayEarcon(Earcon.GOODBYE)]


def _response(f: Facts, event: ev.ResponseStarted, _now_s: float) -> list[Action]:
    f.user_speaking = False
    f.response_id, f.response_done = event.response_id, False
    return []


def _response_done(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.response_done = True
    return []


def _no_words(f: Facts, event: ev.ResponseEnded, _now_s: float) -> list[Action]:
    f.forget_response()
    failed: list[Action] = [do.PlayEarcon(Earcon.ERROR)] if event.status in ("failed", "incomplete") else []
    return [do.OpenUplink(), *failed]


def _audible(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.drained = False
    f.reply_until_s = now_s + f.rules.reply_s
    return [do.HoldUplink()]


def _audible_again(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.drained = False
    return [do.HoldUplink()]


def _ran_dry(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """The network is late in the middle of a reply. Nothing sounds, so the user may be heard meanwhile."""
    f.drained = True
    return [do.OpenUplink(skip_ms=f.rules.echo_tail_ms)]


def _reply_over(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.forget_response()
    return [do.OpenUplink(skip_ms=f.rules.echo_tail_ms)]


def _silence_assistant(f: Facts) -> list[Action]:
    """Flush, and cancel unless the server has finished."""
    cancel: list[Action] = [] if f.response_done else [do.CancelResponse(f.response_id)]
    f.forget_response()
    return [do.FlushPlayout(), *cancel]


def _user_goes_on(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return [*_silence_assistant(f), do.OpenUplink()]


def _no_answer(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [*_silence_assistant(f), do.OpenUplink(), do.PlayEarcon(Earcon.ERROR)]


def _barge_in(f: Facts, event: ev.BargeInDetected, _now_s: float) -> list[Action]:
    onset = event.onset_index - f.rules.barge_in_preroll_frames
    return [*_silence_assistant(f), do.OpenUplink(onset)]


def _late_barge_in(f: Facts, event: ev.BargeInDetected, _now_s: float) -> list[Action]:
    """The reply ended while the decision was on its way; the words began before."""
    return [do.OpenUplink(event.onset_index - f.rules.barge_in_preroll_frames)]


def _barge_in_by_wake(f: Facts, event: ev.WakeDetected, now_s: float) -> list[Action]:
    f.talk_until_s = now_s + f.rules.conversation_s
    onset = event.frame_index - f.rules.preroll_frames + 1
    return [*_silence_assistant(f), do.OpenUplink(onset)]


def _barge_in_by_server(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return [*_silence_assistant(f), do.OpenUplink()]


def _reply_too_long(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [*_silence_assistant(f), do.OpenUplink(skip_ms=f.rules.echo_tail_ms)]


def _flushed(f: Facts, event: ev.PlayoutFlushed, _now_s: float) -> list[Action]:
    session = f.flushes.popleft() if f.flushes else None
    in_session = f.state in TALKING and session == f.session
    return [do.TruncateItems(event.items)] if event.items and in_session else []


def _lost(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.PlayEarcon(Earcon.ERROR)]


def _lost_in_reply(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.FlushPlayout(), do.CloseUplink(), do.PlayEarcon(Earcon.ERROR)]


def _stop(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.CloseSession()]


def _stop_in_reply(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.FlushPlayout(), do.CloseUplink(), do.CloseSession()]


def _cut(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.AbortSession()]


# ---------------------------------------------------------------- the table

IDLE = frozenset({State.IDLE})
CONNECTING = frozenset({State.CONNECTING})
LISTENING = frozenset({State.LISTENING})
THINKING = frozenset({State.THINKING})
SPEAKING = frozenset({State.SPEAKING})
CLOSING = frozenset({State.CLOSING})
IN_REPLY = THINKING | SPEAKING
TALKING = LISTENING | IN_REPLY
ANY = frozenset(State)


def _speaking(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.user_speaking


def _too_long(f: Facts, _event: ev.Event, now_s: float) -> bool:
    return not f.user_speaking and now_s >= f.talk_until_s


def _silent_answer(_f: Facts, event: ev.ResponseEnded, _now_s: float) -> bool:
    return event.audio_ms == 0


def _was_all(f: Facts, event: ev.PlayoutDrained, _now_s: float) -> bool:
    return f.response_done and event.final


def _woken(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.wake_pending is not None


def _by_speech(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.rules.barge_in is BargeIn.SPEECH


def _by_wake_word(f: Facts, _event: ev.Event, _now_s: float) -> bool:
    return f.rules.barge_in is not BargeIn.OFF


S = State
ROWS: tuple[Row, ...] = (
    Row(IDLE, ev.WakeDetected, S.CONNECTING, _begin),
    # CONNECTING
    Row(CONNECTING, ev.SessionReady, S.LISTENING, _connected),
    Row(CONNECTING, ev.SessionEnded, S.IDLE, _not_connected),
    Row(CONNECTING, ev.DeadlineReached, S.CLOSING, _connect_too_late),
    Row(CONNECTING, ev.StopRequested, S.CLOSING, _connect_stopped),
    # LISTENING
    Row(LISTENING, ev.UserSpeechStarted, None, _user_speaks, rearm=True),
    Row(LISTENING, ev.UserSpeechStopped, S.THINKING, _user_finished),
    Row(LISTENING, ev.ResponseStarted, S.THINKING, _response),
    Row(LISTENING, ev.WakeDetected, None, _called_again, rearm=True),
    Row(LISTENING, ev.BargeInDetected, None, _late_barge_in, _by_speech, "barge_in: speech"),
    Row(LISTENING, ev.DeadlineReached, S.CLOSING, _silence, _too_long, "conversation too long"),
    Row(LISTENING, ev.DeadlineReached, S.THINKING, _user_endless, _speaking, "user still speaking"),
    Row(LISTENING, ev.DeadlineReached, S.CLOSING, _silence, label="silence"),
    # THINKING
    Row(THINKING, ev.ResponseStarted, None, _response),
    Row(THINKING, ev.PlayoutStarted, S.SPEAKING, _audible),
    Row(THINKING, ev.UserSpeechStarted, S.LISTENING, _user_goes_on),
    Row(THINKING, ev.UserSpeechStopped, None, _nothing),
    Row(THINKING, ev.ResponseEnded, S.LISTENING, _no_words, _silent_answer, "no audio"),
    Row(THINKING, ev.ResponseEnded, None, _response_done, label="audio"),
    Row(THINKING, ev.PlayoutDrained, S.LISTENING, _reply_over, _was_all, "its sound was lost"),
    Row(THINKING, ev.DeadlineReached, S.LISTENING, _no_answer),
    # SPEAKING
    Row(SPEAKING, ev.BargeInDetected, S.LISTENING, _barge_in, _by_speech, "barge_in: speech"),
    Row(SPEAKING, ev.UserSpeechStarted, S.LISTENING, _barge_in_by_server, _by_speech, "barge_in: speech"),
    Row(SPEAKING, ev.WakeDetected, S.LISTENING, _barge_in_by_wake, _by_wake_word, "barge_in: speech or wake_word"),
    Row(SPEAKING, ev.ResponseStarted, None, _response, rearm=True),
    Row(SPEAKING, ev.ResponseEnded, None, _response_done),
    Row(SPEAKING, ev.PlayoutDrained, S.LISTENING, _reply_over, _was_all, "response done"),
    Row(SPEAKING, ev.PlayoutDrained, None, _ran_dry, rearm=True),
    Row(SPEAKING, ev.PlayoutStarted, None, _audible_again, rearm=True),
    Row(SPEAKING, ev.DeadlineReached, S.LISTENING, _reply_too_long),
    # LISTENING, THINKING and SPEAKING alike
    Row(IN_REPLY, ev.SessionEnded, S.IDLE, _lost_in_reply),
    Row(LISTENING, ev.SessionEnded, S.IDLE, _lost),
    Row(IN_REPLY, ev.StopRequested, S.CLOSING, _stop_in_reply),
    Row(LISTENING, ev.StopRequested, S.CLOSING, _stop),
    # CLOSING
    Row(CLOSING, ev.WakeDetected, None, _remember_wake),
    Row(CLOSING, ev.StopRequested, None, _forget_wake),
    Row(CLOSING, ev.SessionEnded, S.CONNECTING, _begin_again, _woken, "woken meanwhile"),
    Row(CLOSING, ev.SessionEnded, S.IDLE, _nothing),
    Row(CLOSING, ev.DeadlineReached, S.CONNECTING, _cut_and_begin_again, _woken, "woken meanwhile"),
    Row(CLOSING, ev.DeadlineReached, S.IDLE, _cut),
    # wherever we are
    Row(ANY, ev.PlayoutFlushed, None, _flushed),
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
            return now_s + rules.think_s
        case State.SPEAKING:  # dry and not done: the network is late, but it has not for ever
            return min(f.reply_until_s, now_s + rules.think_s) if f.drained else f.reply_until_s
        case State.CLOSING:
            return now_s + CLOSING_S
