"""What threads and callbacks died of: the first of it ends the daemon, the others are logged."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from speakerd.logfields import fields
from speakerd.threads import Mailbox

log = logging.getLogger(__name__)


class Crashes:
    """One for the life of the daemon. Lives in the loop's thread, save `report`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes the loop's complaints from now on."""
        self.first: asyncio.Future[None] = loop.create_future()
        """Raises what ends the daemon."""
        self._closed = False
        self._box = Mailbox(loop, self.take, bound=10, on_error=self.take)
        loop.set_exception_handler(self._on_loop_error)

    def report(self, name: str, error: BaseException) -> None:
        """Thread-safe: called in the dying thread."""
        log.critical("The thread %s died: %s", name, error, extra=fields(event="ThreadDied", thread=name))
        self._box.post(error)

    def take(self, error: BaseException) -> None:
        """End the daemon with this error."""
        if self._closed or self.first.done():
            log.error("One more error at the end.", exc_info=error, extra=fields(event="OneMoreError"))
        else:
            self.first.set_exception(error)

    def close(self) -> None:
        """The daemon ends anyway."""
        self._closed = True

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A timer's callback raised: a bug like any other. The loop's other complaints are only logged."""
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):
            self.take(error)
        else:
            loop.default_exception_handler(context)
