"""The user's turn: words begin and end while the assistant is not audible. Pure."""

from __future__ import annotations

from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Action
from speakerd.conversation.acts.orders import silence_assistant
from speakerd.conversation.state import Facts


def nothing(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return []


def user_speaks(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return []


def user_finished(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = False
    return []


def user_endless(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = False
    # Held first, for that sends the last of the sound: what goes on and on must not cancel the answer to it.
    return [do.HoldUplink(), do.EndTurn()]


def user_goes_on(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return [*silence_assistant(f), do.OpenUplink()]


def called_again(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.put_off_the_end(now_s)
    return []
