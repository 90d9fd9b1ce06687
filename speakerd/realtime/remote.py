"""Calls that the service makes itself, of tools on MCP servers: what is under way, and whether we ask for words. Pure.

Services differ about what follows a call: the same response goes on and says it; another one begins by itself; or, as
OpenAI's, the response is over before the call is, and nothing more comes unless it is asked for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from speakerd.realtime import outgoing
from speakerd.realtime.incoming import ApprovalRequest, RemoteCall, RemoteTools, ResponseDone
from speakerd.realtime.outputs import NoTools, Output
from speakerd.realtime.reader import Json

MAX_CALLS = 64
"""Calls and questions of one session that are kept in mind."""
ANY_SERVER = "an MCP server"


@dataclass(slots=True)
class Remote:
    """Those of one session."""

    labels: frozenset[str]
    """Of the servers that we offered: other names may hold anything."""
    _listed: dict[str, str] = field(default_factory=dict)
    """Labels by the ids under which their tools are asked for."""
    _running: set[str] = field(default_factory=set)
    _over: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_CALLS))
    _refused: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_CALLS))
    _began: bool = False
    """In the response that runs."""
    _owed: bool = False
    """A response ended without a word about what it called."""

    @classmethod
    def of(cls, session: Json) -> Remote:
        """For a session that offers these `tools`."""
        return cls(frozenset(str(tool["server_label"]) for tool in session.get("tools", ()) if "server_label" in tool))

    @property
    def pending(self) -> bool:
        """Words are awaited that were not asked for yet."""
        return self._owed

    def forget(self) -> None:
        """The user has spoken, or wants no answer."""
        self._running.clear()
        self._owed = self._began = False

    def tools(self, listed: RemoteTools) -> list[Output]:
        """The service has a server's tools, or cannot have them."""
        if not listed.failed:
            if listed.label in self.labels and len(self._listed) < MAX_CALLS:
                self._listed[listed.item_id] = listed.label
            return []
        only = next(iter(self.labels)) if len(self.labels) == 1 else ANY_SERVER
        return [NoTools(self._listed.get(listed.item_id, only))]

    def hear(self, message: RemoteCall | ApprovalRequest) -> list[str]:
        """The service tells of a call, or asks whether it may; the same may come several times. What to answer."""
        item_id = message.item_id
        if isinstance(message, ApprovalRequest):
            if item_id in self._refused:
                return []
            self._refused.append(item_id)
            self._running.clear()  # nothing runs without a yes
            self._began = True
            return [outgoing.refusal(item_id)]
        if item_id in self._over:
            return []
        if message.over:
            self._running.discard(item_id)
            self._over.append(item_id)
        elif len(self._running) < MAX_CALLS:
            self._running.add(item_id)
        self._began = True
        return []

    def finish(self, done: ResponseDone) -> tuple[str, ...]:
        """A response is over: the servers that it called without saying what came of it; empty if it said it."""
        began, self._began = self._began, False
        silent = began and (bool(self._running) or not done.message_items)
        if done.status != "completed" or not (done.remote or silent):
            return ()
        self._owed = True
        return tuple(label if label in self.labels else ANY_SERVER for label in done.remote) or (ANY_SERVER,)

    def answered(self) -> None:
        """A response began, or is to come anyway."""
        self._owed = False

    def take(self) -> bool:
        """Whether to ask for words now: all calls are over, and nobody has spoken of them. True once."""
        if not self._owed or self._running:
            return False
        self._owed = False
        return True
