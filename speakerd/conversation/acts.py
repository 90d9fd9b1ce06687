"""What the rows of the table do: each changes the facts and returns the orders that follow. Pure.

All have the same shape: the facts, the event, the time in CLOCK_MONOTONIC seconds.
"""

from __future__ import annotations

from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Action, Earcon
from speakerd.conversation.state import TALKING, Facts

VOICE_LEAD_FRAMES = 8
"""160 ms: the detector gives the beginning of words so much too late at worst (bench/talkover.py)."""


def nothing(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return []


def begin(f: Facts, event: ev.WakeDetected, _now_s: float) -> list[Action]:
    f.session += 1
    f.user_speaking, f.wake_pending = False, None
    f.forget_response()
    return [
        do.PlayEarcon(Earcon.WAKE),
        do.HoldUplink(event.frame_index - f.rules.preroll_frames + 1),
        do.OpenSession(f.session),
    ]


def begin_again(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    wake = f.wake_pending
    assert wake is not None
    return begin(f, wake, now_s)


def cut_and_begin_again(f: Facts, event: ev.Event, now_s: float) -> list[Action]:
    return [do.AbortSession(), *begin_again(f, event, now_s)]


def remember_wake(f: Facts, event: ev.WakeDetected, _now_s: float) -> list[Action]:
    f.wake_pending = event
    return [do.HoldUplink(event.frame_index - f.rules.preroll_frames + 1)]


def forget_wake(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.wake_pending = None
    return [do.CloseUplink()]


def connected(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.talk_until_s = now_s + f.rules.conversation_s
    return [do.OpenUplink()]


def called_again(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.talk_until_s = now_s + f.rules.conversation_s
    return []


def not_connected(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.PlayEarcon(Earcon.ERROR)]


def connect_too_late(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.AbortSession(), do.PlayEarcon(Earcon.ERROR)]


def connect_stopped(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.AbortSession()]


def user_speaks(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return []


def user_finished(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = False
    return []


def user_endless(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = False
    return [do.EndTurn(), do.HoldUplink()]  # what goes on and on must not cancel the answer to it


def silence(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.CloseSession(), do.PlayEarcon(Earcon.GOODBYE)]


def response(f: Facts, event: ev.ResponseStarted, _now_s: float) -> list[Action]:
    f.user_speaking = False
    f.response_id, f.response_done, f.tools = event.response_id, False, False
    return []


def tools_answered(f: Facts, event: ev.ResponseStarted, now_s: float) -> list[Action]:
    """The response that tells what the functions gave."""
    f.drained = False
    return response(f, event, now_s)


def tools_called(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.tools = True
    return []


def tools_settled(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.tools = False
    return []


def nothing_to_say(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.forget_response()
    return [do.OpenUplink()]


def heard_before_tools(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """What came with the calls was heard, or there was none."""
    f.drained = True
    return []


def wait_for_tools(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """What the assistant said before it called functions was heard; they go on."""
    f.drained = True
    return _open_after_sound(f)


def wait_for_tools_in_pause(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.drained = True
    return [*restore(f), do.ResumePlayout()]


def other_response(f: Facts, event: ev.ResponseStarted, now_s: float) -> list[Action]:
    """The server answers what it heard: that were words."""
    return [*_silence_assistant(f), *response(f, event, now_s)]


def response_done(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.response_done = True
    return []


def no_words(f: Facts, event: ev.ResponseEnded, _now_s: float) -> list[Action]:
    f.forget_response()
    failed: list[Action] = [do.PlayEarcon(Earcon.ERROR)] if event.status in ("failed", "incomplete") else []
    return [do.OpenUplink(), *failed]


def audible(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.drained = False
    f.reply_until_s = now_s + f.rules.reply_s
    return [do.HoldUplink()]


def audible_again(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.drained = False
    return [do.HoldUplink()]


def _open_after_sound(f: Facts) -> list[Action]:
    """Nothing sounds any more. Send suspected words, behind the canceller; without any, all but our echo's tail."""
    if not f.ducked:
        return [do.OpenUplink(skip_ms=f.rules.echo_tail_ms)]
    return [*restore(f), do.OpenUplink(f.onset_index - f.rules.barge_in_preroll_frames)]


def ran_dry(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """The network is late in the middle of a reply. Nothing sounds, so the user may be heard meanwhile."""
    f.drained = True
    return _open_after_sound(f)


def ran_dry_in_pause(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.drained = True
    return []


def audible_in_pause(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """It began to sound again just before it was paused."""
    f.drained = False
    return []


def reply_over(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.forget_response()
    return _open_after_sound(f)


def reply_over_in_pause(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """All of it had been heard in the moment of the pause."""
    f.forget_response()
    return [*restore(f), do.ResumePlayout()]


def duck(f: Facts, event: ev.BargeInSuspected, _now_s: float) -> list[Action]:
    f.ducked, f.onset_index = True, event.onset_index
    return [do.DuckPlayout()]


def restore(f: Facts, _event: ev.Event | None = None, _now_s: float = 0.0) -> list[Action]:
    if not f.ducked:
        return []
    f.ducked = False
    return [do.RestorePlayout()]


def _flush(f: Facts) -> do.FlushPlayout:
    f.ducked = False
    return do.FlushPlayout()


def _silence_assistant(f: Facts) -> list[Action]:
    """Flush, and cancel unless the server has finished; where functions run: the response that would follow."""
    cancel: list[Action] = []
    if f.tools:
        cancel = [do.CancelResponse(None)]
    elif not f.response_done:
        cancel = [do.CancelResponse(f.response_id)]
    f.forget_response()
    return [_flush(f), *cancel]


def user_goes_on(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return [*_silence_assistant(f), do.OpenUplink()]


def no_answer(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [*_silence_assistant(f), do.OpenUplink(), do.PlayEarcon(Earcon.ERROR)]


def _open_for_words(f: Facts, onset_index: int) -> Action:
    """The words are heard a little after they begin, so let the user through from a little before."""
    from_index = onset_index - f.rules.barge_in_preroll_frames
    return do.OpenUplink(from_index, voice_index=max(from_index, onset_index - VOICE_LEAD_FRAMES))


def barge_in(f: Facts, event: ev.BargeInDetected, now_s: float) -> list[Action]:
    """Nothing is thrown away, nothing cancelled, until the server has heard words."""
    f.paused_s = now_s
    return [do.PausePlayout(), _open_for_words(f, event.onset_index)]


def words_begin(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return _silence_assistant(f)


def words_ended(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    """They were too short for their beginning to be told."""
    f.user_speaking = False
    return _silence_assistant(f)


def wake_in_pause(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    f.talk_until_s = now_s + f.rules.conversation_s
    return _silence_assistant(f)


def false_alarm(f: Facts, _event: ev.Event, now_s: float) -> list[Action]:
    """The reply goes on where it was, and may last longer by the pause; but noise must not stretch it for ever."""
    latest_s = max(f.reply_until_s, f.talk_until_s)
    f.reply_until_s = min(f.reply_until_s + now_s - f.paused_s, latest_s)
    hold: list[Action] = [] if f.drained else [do.HoldUplink()]
    return [*hold, *restore(f), do.ResumePlayout()]


def late_barge_in(f: Facts, event: ev.BargeInDetected, _now_s: float) -> list[Action]:
    """The reply ended while the decision was on its way; the words began before."""
    return [_open_for_words(f, event.onset_index)]


def barge_in_by_wake(f: Facts, event: ev.WakeDetected, now_s: float) -> list[Action]:
    f.talk_until_s = now_s + f.rules.conversation_s
    onset = event.frame_index - f.rules.preroll_frames + 1
    return [*_silence_assistant(f), do.OpenUplink(onset, voice_index=onset)]


def barge_in_by_server(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    f.user_speaking = True
    return [*_silence_assistant(f), do.OpenUplink()]


def reply_too_long(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [*_silence_assistant(f), do.OpenUplink(skip_ms=f.rules.echo_tail_ms)]


def flushed(f: Facts, event: ev.PlayoutFlushed, _now_s: float) -> list[Action]:
    session = f.flushes.popleft() if f.flushes else None
    in_session = f.state in TALKING and session == f.session
    return [do.TruncateItems(event.items)] if event.items and in_session else []


def lost(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.PlayEarcon(Earcon.ERROR)]


def lost_in_reply(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [_flush(f), do.CloseUplink(), do.PlayEarcon(Earcon.ERROR)]


def stop(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.CloseUplink(), do.CloseSession()]


def stop_in_reply(f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [_flush(f), do.CloseUplink(), do.CloseSession()]


def cut(_f: Facts, _event: ev.Event, _now_s: float) -> list[Action]:
    return [do.AbortSession()]
