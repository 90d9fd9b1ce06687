"""Words over the assistant: suspected, believed, confirmed by the server or not. Pure."""

from __future__ import annotations

from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Action
from speakerd.conversation.acts import reply
from speakerd.conversation.acts.orders import (
    open_for_suspected,
    open_for_words,
    preroll_index,
    restored,
    silence_assistant,
)
from speakerd.conversation.state import Facts


def duck(f: Facts, event: ev.BargeInSuspected, _now_s: float) -> list[Action]:
    f.ducked, f.onset_index = True, event.onset_index
    return [do.DuckPlayout()]


def restore(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return restored(f)


def barge_in(f: Facts, event: ev.BargeInDetected, now_s: float) -> list[Action]:
    """Nothing is thrown away, nothing cancelled, until the server has heard words."""
    f.paused_s = now_s
    return [do.PausePlayout(), open_for_words(f, event.onset_index)]


def late_suspicion(f: Facts, event: ev.BargeInSuspected, _now_s: float) -> list[Action]:
    """The sound ended while the suspicion was on its way; if they are words, they began before."""
    return [open_for_suspected(f, event.onset_index)]


def late_barge_in(f: Facts, event: ev.BargeInDetected, _now_s: float) -> list[Action]:
    """The sound ended while the decision was on its way; the words began before."""
    return [open_for_words(f, event.onset_index)]


def barge_in_by_wake(f: Facts, event: ev.WakeDetected, now_s: float) -> list[Action]:
    f.put_off_the_end(now_s)
    onset = preroll_index(f, event)
    return [*silence_assistant(f), do.OpenUplink(onset, voice_index=onset)]


def barge_in_by_server(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return [*silence_assistant(f), do.OpenUplink()]


def words_begin(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return silence_assistant(f)


def words_ended(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """They were too short for their beginning to be told."""
    f.user_speaking = False
    return silence_assistant(f)


def wake_in_pause(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.put_off_the_end(now_s)
    return silence_assistant(f)


def other_response(f: Facts, event: ev.ResponseStarted, now_s: float) -> list[Action]:
    """The server answers what it heard: that were words."""
    return [*silence_assistant(f), *reply.response(f, event, now_s)]


def audible_in_pause(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """It began to sound again just before it was paused."""
    f.drained = False
    return []


def wait_for_tools_in_pause(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.drained, f.unheard = True, False
    return [*restored(f), do.ResumePlayout()]


def reply_over_in_pause(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """All of it had been heard in the moment of the pause."""
    return [*restored(f), do.ResumePlayout(), *reply.end_told(f)]


def false_alarm(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    """The reply goes on where it was, and may last longer by the pause; but noise must not stretch it for ever."""
    latest_s = max(f.reply_until_s, f.talk_until_s)
    f.reply_until_s = min(f.reply_until_s + now_s - f.paused_s, latest_s)
    hold: list[Action] = [] if f.drained else [do.HoldUplink()]
    return [*hold, *restored(f), do.ResumePlayout()]
