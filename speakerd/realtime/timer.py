"""One call, later."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Timer:
    """Belongs to the loop in which it is made. What it was set to before counts no more."""

    def __init__(self, call: Callable[[], None]) -> None:
        """`call` is called once each time."""
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    @property
    def armed(self) -> bool:
        """The call is to come."""
        return self._handle is not None

    def at(self, when_s: float) -> None:
        """Call at this time of the loop; infinite: never."""
        if self._handle is not None and self._handle.when() == when_s:
            return
        self.cancel()
        if math.isfinite(when_s):
            self._handle = self._loop.call_at(when_s, self._fire)

    def after(self, seconds: float) -> None:
        """Call in so many seconds; infinite: never."""
        self.at(self._loop.time() + seconds)

    def cancel(self) -> None:
        """Do not call."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        self._call()
