"""How a conversation begins and ends. Pure."""

from __future__ import annotations

from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Action, Earcon
from speakerd.conversation.acts.orders import flush, preroll_index, restored
from speakerd.conversation.state import Facts
from speakerd.pcm import PERIOD_MS

NO_WORD_MS = -60_000
"""No wake word was said: nothing that the user says is taken for one."""


def begin(f: Facts, event: ev.WakeDetected, _now_s: float) -> list[Action]:
    f.session += 1
    f.user_speaking, f.wake_pending = False, None
    f.forget_response()
    wake_ms = NO_WORD_MS if event.by_hand else PERIOD_MS * f.rules.preroll_frames
    return [do.PlayEarcon(Earcon.WAKE), do.HoldUplink(preroll_index(f, event)), do.OpenSession(f.session, wake_ms)]


def begin_again(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    wake = f.wake_pending
    assert wake is not None
    return begin(f, wake, now_s)


def cut_and_begin_again(f: Facts, event: ev.Event, now_s: float) -> list[Action]:
    return [do.AbortSession(), *begin_again(f, event, now_s)]


def remember_wake(f: Facts, event: ev.WakeDetected, _now_s: float) -> list[Action]:
    f.wake_pending = event
    return [do.HoldUplink(preroll_index(f, event))]


def forget_wake(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.wake_pending = None
    return [do.CloseUplink()]


def connected(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.put_off_the_end(now_s)
    return [do.OpenUplink()]


def connect_too_late(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.AbortSession(), do.PlayEarcon(Earcon.ERROR)]


def connect_stopped(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.AbortSession()]


def part(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.CloseSession(), do.PlayEarcon(Earcon.GOODBYE)]


def lost(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.PlayEarcon(Earcon.ERROR)]


def lost_in_reply(f: Facts, event: ev.Event, now_s: float) -> list[Action]:
    return [flush(f), *lost(f, event, now_s)]


def lost_behind_reply(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """The reply is whole; that there will be no other is told after it."""
    return [do.CloseUplink()]


def reply_outlasted(f: Facts, event: ev.Event, now_s: float) -> list[Action]:
    return [*restored(f), *lost(f, event, now_s)]


def begin_over_reply(f: Facts, event: ev.WakeDetected, now_s: float) -> list[Action]:
    return [flush(f), *begin(f, event, now_s)]


def stop_reply(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [flush(f), do.CloseUplink()]


def stop(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.CloseSession()]


def stop_in_reply(f: Facts, event: ev.Event, now_s: float) -> list[Action]:
    return [flush(f), *stop(f, event, now_s)]


def cut(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.AbortSession()]
