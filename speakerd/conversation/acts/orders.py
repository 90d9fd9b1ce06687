"""Orders that several acts give: they change the facts, and are no acts themselves. Pure."""

from __future__ import annotations

from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Action
from speakerd.conversation.state import Facts

VOICE_LEAD_FRAMES = 8
"""160 ms: the detector gives the beginning of words so much too late at worst (bench/talkover.py)."""


def preroll_index(f: Facts, event: ev.WakeDetected) -> int:
    """The near frame from which on words around a wake word are sent."""
    if event.by_hand:
        return event.frame_index + 1
    return event.frame_index - f.rules.preroll_frames + 1


def restored(f: Facts) -> list[Action]:
    """End a duck, if there is one."""
    if not f.ducked:
        return []
    f.ducked = False
    return [do.RestorePlayout()]


def flush(f: Facts) -> do.FlushPlayout:
    """Silence; ends a duck too. What was heard of the items belongs to the session of this moment."""
    f.ducked = False
    f.flushes.append(f.session)
    return do.FlushPlayout()


def silence_assistant(f: Facts) -> list[Action]:
    """Flush, and cancel unless the server has finished; where functions run: the response that would follow."""
    cancel: list[Action] = []
    if f.tools:
        cancel = [do.CancelResponse(None)]
    elif not f.response_done:
        cancel = [do.CancelResponse(f.response_id)]
    f.forget_response()
    return [flush(f), *cancel]


def open_after_sound(f: Facts) -> list[Action]:
    """Nothing sounds any more. Send suspected words, behind the canceller; without any, all but our echo's tail."""
    if not f.ducked:
        return [do.OpenUplink(skip_ms=f.rules.echo_tail_ms)]
    return [*restored(f), open_for_suspected(f, f.onset_index)]


def open_for_suspected(f: Facts, onset_index: int) -> Action:
    """They may be words, or what is left of our echo: as the canceller leaves them."""
    return do.OpenUplink(onset_index - f.rules.barge_in_preroll_frames)


def open_for_words(f: Facts, onset_index: int) -> Action:
    """The words are heard a little after they begin, so let the user through from a little before."""
    from_index = onset_index - f.rules.barge_in_preroll_frames
    return do.OpenUplink(from_index, voice_index=max(from_index, onset_index - VOICE_LEAD_FRAMES))
