"""Makes sessions, runs each in a task of its own, and cuts them. Owned by the link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from speakerd.config.model import Realtime
from speakerd.realtime.address import Dial, with_model
from speakerd.realtime.connection import Octets
from speakerd.realtime.outputs import Word
from speakerd.realtime.protocol import RealtimeProtocol
from speakerd.realtime.reader import Json
from speakerd.realtime.session import Session
from speakerd.realtime.settings import Limits, tokens


class Dialler:
    """One for the life of the daemon."""

    def __init__(
        self,
        realtime: Realtime,
        url: str,
        settings: Json,
        key: Callable[[], str | None],
        tasks: asyncio.TaskGroup,
        on_output: Callable[[Session, Word], None],
    ) -> None:
        """`url` of the service; `key` gives the API key. `on_output` gets all that sessions say, and how each ended."""
        self._realtime = realtime
        self._url = url
        self.asked = (realtime.model, settings)
        """Model and session that the next ones ask for."""
        self._key = key
        self._tasks = tasks
        self._on_output = on_output
        self._running: dict[Session, asyncio.Task[None]] = {}
        self.octets = Octets()
        """What went over the wire to the service and back."""

    def use(self, model: str, settings: Json) -> bool:
        """What sessions are to be like from now on; True if that is new."""
        is_new = (model, settings) != self.asked
        self.asked = (model, settings)
        return is_new

    def refit(self, realtime: Realtime) -> None:
        """Connect with these settings from now on; where to, and what is asked for, stays."""
        self._realtime = realtime

    def dial(self, number: int) -> Session:
        """A session with the service for the conversation's session `number`; 0: for none yet."""
        dial = Dial.of(self._realtime, with_model(self._url, self.asked[0]), self._key(), tokens(self.asked[1]))
        return self._start(number, dial, self.octets)

    def dial_stand_in(self, number: int, url: str) -> Session:
        """A session with the server at `url`, on this machine: without key and headers, which are for the service."""
        bare = self._realtime.model_copy(update={"headers": ""})
        return self._start(number, Dial.of(bare, with_model(url, self.asked[0]), None), Octets())

    def cut(self, session: Session) -> None:
        """End it at once."""
        session.abort()
        if session in self._running:
            self._running[session].cancel()

    def cut_all(self) -> None:
        """End all at once."""
        for session in list(self._running):
            self.cut(session)

    def _start(self, number: int, dial: Dial, octets: Octets) -> Session:
        protocol = RealtimeProtocol(number, self.asked[1], Limits.of(self._realtime))
        new = Session(protocol, dial, lambda output: self._on_output(new, output), octets)
        task = self._tasks.create_task(new.run(), name=f"session-{number}")
        self._running[new] = task
        # Not inside the task: one that is cancelled before its first step never runs.
        task.add_done_callback(lambda _: self._ended(new))
        return new

    def _ended(self, session: Session) -> None:
        self._running.pop(session, None)
        self._on_output(session, session.ended())
