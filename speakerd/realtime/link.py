"""Keeps a session to be had: opens one on demand, forgets it when it has ended. Owned by the loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from speakerd.config.model import Realtime
from speakerd.conversation.events import ItemHeard, SessionEnded
from speakerd.realtime.messages import Json
from speakerd.realtime.protocol import Delivery, RealtimeProtocol
from speakerd.realtime.session import Session, is_this_machine

log = logging.getLogger(__name__)


class Link:
    """At most one session at a time. Verbs without a session do nothing: it ended a moment ago."""

    def __init__(
        self,
        realtime: Realtime,
        url: str,
        settings: Json,
        key: Callable[[], str | None],
        tasks: asyncio.TaskGroup,
        deliver: Callable[[Delivery], None],
    ) -> None:
        """`url` is where to connect (`realtime.url`, or the embedded server's); `key` gives the API key."""
        self._realtime = realtime
        self._url = with_model(url, realtime.model)
        self._settings = settings
        self._key = key
        self._tasks = tasks
        self._deliver = deliver
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self, session: int) -> None:
        """Connect a new session; an old one, if any, is cut off."""
        self.abort()
        new = Session(
            RealtimeProtocol(session, self._settings),
            session,
            lambda output: self._on_output(new, output),
            self._realtime.connect_timeout_s,
        )
        self._session = new
        self._task = self._tasks.create_task(
            new.run(
                self._url,
                self._headers(),
                ping_s=self._realtime.ping_interval_s,
            ),
            name=f"session-{session}",
        )
        # Not inside the task: one that is cancelled before its first step never runs.
        self._task.add_done_callback(lambda _: self._on_output(new, new.ended()))

    def close(self) -> None:
        """Close in good order; SessionEnded follows."""
        if self._session is not None:
            self._session.close()

    def abort(self) -> None:
        """Cut off; SessionEnded follows."""
        if self._session is not None and self._task is not None:
            self._session.abort()
            self._task.cancel()

    def cancel(self, response_id: str | None) -> None:
        """Stop a response; None: the one that is about to begin."""
        if self._session is not None:
            self._session.cancel(response_id)

    def truncate(self, items: tuple[ItemHeard, ...]) -> None:
        """Tell what was heard of cut items."""
        if self._session is not None:
            self._session.truncate(items)

    def append_audio(self, pcm: bytes) -> None:
        """Send microphone sound: int16 mono 24 kHz."""
        if self._session is not None:
            self._session.append_audio(pcm)

    def _on_output(self, session: Session, output: Delivery) -> None:
        if session is not self._session:
            if isinstance(output, SessionEnded):
                self._deliver(output)  # the machine knows that it is stale, and counts it
            return
        if isinstance(output, SessionEnded):
            self._session = self._task = None
        self._deliver(output)

    def _headers(self) -> dict[str, str]:
        key = self._key()
        return {"Authorization": f"Bearer {key}"} if key and is_private(self._url) else {}


def with_model(url: str, model: str) -> str:
    """`url` with `?model=`, unless it names a model already."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if not any(key == "model" for key, _ in query):
        query.append(("model", model))
    return urlunsplit(parts._replace(query=urlencode(query)))


def is_private(url: str) -> bool:
    """True if nobody on the network can read along: TLS, or this machine. Only then the key is sent."""
    return urlsplit(url).scheme == "wss" or is_this_machine(url)
