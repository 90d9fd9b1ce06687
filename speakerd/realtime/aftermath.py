"""The end of a response and the server's objections: what follows from them, and why. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from speakerd.conversation import events as ev
from speakerd.realtime import outgoing
from speakerd.realtime.incoming import ResponseDone, ServerError
from speakerd.realtime.items import Items
from speakerd.realtime.outputs import (
    Fatal,
    Output,
    ResponseFailed,
    ResponseUsage,
    SaidCut,
    ToolsCalled,
    VoiceComplete,
)
from speakerd.realtime.remote import Remote
from speakerd.realtime.responses import Responses
from speakerd.realtime.tools import MAX_CALLS, TOO_MANY, UNWANTED, Tools
from speakerd.realtime.troubles import CODES, Trouble, clearest, retry_after_s, trouble_of
from speakerd.realtime.turns import Turns

_HOPELESS = (Trouble.KEY_REFUSED, Trouble.NOT_OFFERED, Trouble.NO_QUOTA, Trouble.MODEL_UNKNOWN)
FATAL_ERRORS = frozenset(
    {
        "inference_rate_limit_exceeded",
        "session_expired",
        "beta_api_shape_disabled",
        *(code for code, trouble in CODES.items() if trouble in _HOPELESS),
    }
)
"""After these the session is of no use. Looked for in `code` and in `type`: servers differ."""
NO_ANSWERS = (Trouble.RATE_LIMITED, Trouble.SERVER_ERROR)
"""An error of these kinds, to nothing in particular, stands for the answer that is due: else nobody would tell."""
TOO_SOON = frozenset({"conversation_already_has_active_response", "function_call_output_pending"})
"""A request that is refused with these may be made again in a moment."""


@dataclass(slots=True)
class Aftermath:
    """Works on the parts of one session's protocol; `send` takes text frames."""

    responses: Responses
    tools: Tools
    remote: Remote
    turns: Turns
    items: Items
    send: Callable[[str], None]
    counts: Counter[str]
    rate_reset_s: float = 0.0
    """When the limits of the key are at rest again, as the server last said."""

    def done(self, session: int, done: ResponseDone, now_s: float) -> list[Output]:
        """A response is over."""
        outputs: list[Output] = []
        if done.usage is not None:  # paid for, wanted or not
            outputs.append(ResponseUsage(session, done.response_id, done.model, done.usage))
        began = self.responses.active is not None
        if not self.responses.wants(done.response_id):
            self._answer_unwanted(done)
            outputs += self._forget_unheard(done)
        response = self.responses.done(done, now_s)
        if response is None:
            return outputs
        self.turns.answered()
        if not began and not response.cancelled:
            done = replace(done, response_id="")  # nobody has heard of it; somebody waits for it
        failed = None if response.cancelled else failure(session, done, self.rate_reset_s)
        if failed is not None:
            outputs.append(failed)
        if fatal := _fatal_code(done.code, done.kind):
            wait_s = failed.retry_after_s if failed is not None else 0.0
            return [*outputs, Fatal(fatal, done.message, wait_s)]  # the end of the session says it all
        ended = ev.ResponseEnded(
            session, done.response_id, done.status, response.audio_ms, clearest(done.code, done.kind)
        )
        if response.cancelled:
            return [*outputs, ended]
        calls = self._calls(session, done)
        if calls:
            self.remote.forget()  # our answer to them asks for the words
        calls = calls or self._remote_calls(session, done)
        if not calls and not response.audio_bytes and self.tools.exhausted:
            ended = replace(ended, status="incomplete", error="tool_rounds")  # else nobody would hear anything
        return [*outputs, *calls, VoiceComplete(), ended]

    def error(self, session: int, error: ServerError, now_s: float, *, configured: bool) -> list[Output]:
        """The server objects. Most errors answer a race that was lost: counted, and the session goes on."""
        code = error.code or error.kind
        self.counts[f"error/{code}"[:80]] += 1
        if fatal := _fatal_code(error.code, error.kind):
            return [Fatal(fatal, error.message)]
        if not configured:
            return [_refused_session(error)]
        running = not TOO_SOON.isdisjoint((error.code, error.kind))
        ours = running or error.event_id.startswith("create_")
        stands = not error.event_id and not running and CODES.get(clearest(error.code, error.kind)) in NO_ANSWERS
        given_up = (ours or stands) and self.responses.refused(error.event_id, now_s, because_one_runs=running)
        if given_up or (stands and self.turns.due):
            self.turns.answered()
            return never_began(session, error.code, error.kind, error.message)
        return []

    def _calls(self, session: int, done: ResponseDone) -> list[Output]:
        calls = self.tools.finish(done)
        if not calls:
            return []
        if self.tools.exhausted:  # it was told to use words, and calls on and on
            self.counts["tool_rounds"] += 1
            for frame in self.tools.answer((call.call_id, TOO_MANY) for call in calls)[0]:
                self.send(frame)
            return []
        return [ToolsCalled(session, done.response_id, calls, self.tools.last_round)]

    def _answer_unwanted(self, done: ResponseDone) -> None:
        """Calls of a response that nobody wants: there are servers that give no other before these have an answer."""
        if done.status == "completed":
            for call in done.calls[:MAX_CALLS]:
                self.counts["call_unwanted"] += 1
                self.send(outgoing.tool_output(call.call_id, UNWANTED))

    def _remote_calls(self, session: int, done: ResponseDone) -> list[Output]:
        """Of tools that the service runs itself; what came of them another response is to tell."""
        servers = self.remote.finish(done)
        if not servers:
            return []
        self.tools.count_round()
        if self.tools.exhausted:
            self.counts["tool_rounds"] += 1
            self.remote.answered()
            return []
        self.responses.expect()
        return [ev.ToolsCalled(session, done.response_id, servers)]

    def _forget_unheard(self, done: ResponseDone) -> list[Output]:
        """Items of a response that nobody wants of which no sound reached the loudspeaker."""
        outputs: list[Output] = []
        for item_id in done.message_items:
            if not self.items.sounded(item_id):
                self.send(outgoing.item_delete(item_id))
                if self.items.silence(item_id).words:
                    outputs.append(SaidCut(item_id, ""))
        return outputs


def never_began(session: int, code: str, kind: str, message: str) -> list[Output]:
    """A response that was asked for, and that is given up: whoever waits for it need not wait any longer."""
    why = clearest(code, kind)
    failed = ResponseFailed(session, "", trouble_of(why) or Trouble.SERVER_ERROR, code or kind, kind, message)
    return [failed, ev.ResponseEnded(session, "", "failed", 0, why)]


def _fatal_code(code: str, kind: str) -> str:
    """The one of the two that ends the session; empty if neither does."""
    return next((one for one in (code, kind) if one in FATAL_ERRORS), "")


def _refused_session(error: ServerError) -> Fatal:
    """The server objects to what we asked for before it agreed to a session: whatever it calls that, it refuses it."""
    code = clearest(error.code, error.kind)
    raw = error.code or error.kind
    if code in CODES and code != "invalid_request_error":
        return Fatal(code, error.message)
    return Fatal("session_refused", f"{raw}: {error.message}" if raw else error.message)


def failure(session: int, done: ResponseDone, rate_reset_s: float) -> ResponseFailed | None:
    """Why a response failed or is incomplete; None if it did not and is not.

    `rate_reset_s` is what the server last told about its limits.
    """
    if done.status not in ("failed", "incomplete"):
        return None
    trouble = trouble_of(clearest(done.code, done.kind)) or Trouble.SERVER_ERROR
    retry_s = (retry_after_s(done.message) or rate_reset_s) if trouble is Trouble.RATE_LIMITED else 0.0
    return ResponseFailed(session, done.response_id, trouble, done.code, done.kind, done.message, retry_s)
