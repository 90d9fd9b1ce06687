"""Function calls: collected until their response is over, answered together, in a bounded number of rounds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from speakerd.realtime import outgoing
from speakerd.realtime.incoming import ResponseDone, ToolCall

UNANSWERED = '{"error": "the function gave no answer"}'
TOO_MANY = '{"error": "too many calls in a row; answer the user in words now"}'
UNWANTED = '{"error": "nobody waits for this any more"}'
MAX_CALLS = 64
"""Calls of one response that are heeded."""
MAX_RESPONSES = 8
"""Responses whose calls are kept, the newest. More than two at a time are a server's mistake."""


@dataclass(slots=True)
class _Calls:
    """Of one response."""

    ids: tuple[str, ...]
    turn: int | None
    """Of the user, in which they were made; None: nobody wants words about them."""


@dataclass(slots=True)
class Tools:
    """The calls of one session."""

    max_rounds: int
    """Times that functions may be called in one turn of the user."""
    _gathered: dict[str, dict[str, ToolCall]] = field(default_factory=dict)
    """By response and call id."""
    _pending: list[_Calls] = field(default_factory=list)
    """Those that wait for an answer, oldest first: of several responses, if the user has spoken meanwhile."""
    _rounds: int = 0
    _turn: int = 0

    @property
    def pending(self) -> bool:
        """Functions run."""
        return bool(self._pending)

    @property
    def last_round(self) -> bool:
        """No further round follows in this turn."""
        return self._rounds >= self.max_rounds

    @property
    def exhausted(self) -> bool:
        """More rounds than there may be."""
        return self._rounds > self.max_rounds

    def new_turn(self) -> None:
        """The user has spoken."""
        self._turn += 1
        self._rounds = 0

    def count_round(self) -> None:
        """Tools were called that the service runs itself."""
        self._rounds += 1

    def forget(self) -> None:
        """No answer is wanted to what functions give that run now."""
        for calls in self._pending:
            calls.turn = None

    def gather(self, response_id: str, call: ToolCall) -> None:
        """A call is complete; its response is not over yet."""
        calls = self._gathered.setdefault(response_id, {})
        if len(self._gathered) > MAX_RESPONSES:
            del self._gathered[next(iter(self._gathered))]
        known = calls.get(call.call_id)
        if (known is None and len(calls) < MAX_CALLS) or (known is not None and not known.name):
            calls[call.call_id] = call

    def finish(self, done: ResponseDone) -> tuple[ToolCall, ...]:
        """The response is over: all its calls, which now wait for their answers."""
        gathered = self._gathered.pop(done.response_id, {})
        self._gathered.clear()  # one response at a time: what is left belongs to none
        if done.status != "completed":
            return ()
        calls = {call.call_id: call for call in done.calls[:MAX_CALLS]} or gathered
        if calls:
            self._rounds += 1
            self._pending.append(_Calls(tuple(calls), self._turn))
        return tuple(calls.values())

    def answer(self, outputs: Iterable[tuple[str, str]]) -> tuple[list[str], bool]:
        """The messages that answer all calls of a response, and whether a response is to be asked for after them.

        Older calls are answered too: there are servers that give no response before that.
        """
        given = dict(outputs)
        newest = next((n for n, calls in enumerate(self._pending) if not given.keys().isdisjoint(calls.ids)), None)
        if newest is None:
            return [], False
        answered = self._pending[: newest + 1]
        del self._pending[: newest + 1]
        frames = [outgoing.tool_output(one, given.get(one, UNANSWERED)) for calls in answered for one in calls.ids]
        return frames, answered[-1].turn == self._turn
