"""The assistant's turn: a response, the functions that it calls, its sound, its end. Pure."""

from __future__ import annotations

from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Action, Earcon
from speakerd.conversation.acts.orders import open_after_sound, silence_assistant
from speakerd.conversation.state import TALKING, Facts, State


def response(f: Facts, event: ev.ResponseStarted, _now_s: float) -> list[Action]:
    f.user_speaking = False
    f.response_id, f.response_done, f.broken, f.tools = event.response_id, False, False, False
    return []


def response_done(f: Facts, event: ev.ResponseEnded, _now_s: float) -> list[Action]:
    f.response_done, f.broken = True, _is_broken(event)
    f.unheard = f.unheard or event.audio_ms > 0
    f.tools = f.tools and bool(event.response_id)
    return []


def no_words(f: Facts, event: ev.ResponseEnded, _now_s: float) -> list[Action]:
    f.forget_response()
    return [do.OpenUplink(), *_told(broken=_is_broken(event))]


def no_answer(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [*silence_assistant(f), do.OpenUplink(), do.PlayEarcon(Earcon.ERROR)]


def tools_called(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.tools = True
    return []


def tools_settled(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.tools = False
    return []


def tools_answered(f: Facts, event: ev.ResponseStarted, now_s: float) -> list[Action]:
    """The response that tells what the functions gave."""
    f.drained = False
    return response(f, event, now_s)


def nothing_to_say(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.forget_response()
    return [do.OpenUplink()]


def audible(f: Facts, event: ev.Event, now_s: float) -> list[Action]:
    f.reply_until_s = now_s + f.rules.reply_s
    return audible_again(f, event, now_s)


def audible_again(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.drained = f.unheard = False
    return [do.HoldUplink()]


def ran_dry(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """More is to come, of the network or when functions are done. Nothing sounds: the user may be heard meanwhile."""
    f.drained, f.unheard = True, False
    return open_after_sound(f)


def ran_dry_unheard(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """The same where the uplink is open anyway: nothing has sounded of late."""
    f.drained, f.unheard = True, False
    return []


def reply_over(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    broken = end_told(f)
    return [*open_after_sound(f), *broken]


def end_told(f: Facts) -> list[Action]:
    """There is no response any more; if it broke off, that is told once all that came of it was heard."""
    broken = f.broken
    f.forget_response()
    return _told(broken=broken)


def reply_too_long(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """Or it ran dry, and the rest never came: that is told."""
    broken = _told(broken=f.drained)
    return [*silence_assistant(f), do.OpenUplink(skip_ms=f.rules.echo_tail_ms), *broken]


def flushed(f: Facts, event: ev.PlayoutFlushed, _now_s: float) -> list[Action]:
    session = f.flushes.popleft() if f.flushes else None
    # Also while it closes: the server may not read it any more, but what was said is written down as it was heard.
    in_session = f.state in TALKING | {State.CLOSING} and session == f.session
    return [do.TruncateItems(event.items)] if event.items and in_session else []


def _is_broken(event: ev.ResponseEnded) -> bool:
    return event.status in ("failed", "incomplete")


def _told(*, broken: bool) -> list[Action]:
    return [do.PlayEarcon(Earcon.ERROR)] if broken else []
