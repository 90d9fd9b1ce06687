"""A server in a loop and a thread of its own, for tests that wait and block."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Self


class OwnLoop(ABC):
    """Serves from `__enter__` to `__exit__`; used once."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)  # noqa: TID251

    @abstractmethod
    def serving(self) -> AbstractAsyncContextManager[object]:
        """What is open meanwhile; entered and left in the loop."""

    def __enter__(self) -> Self:
        """Start, and wait until it serves."""
        self._thread.start()
        assert self._ready.wait(5), "it did not start"
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def run(self, coroutine: Coroutine[Any, Any, Any], timeout_s: float = 5.0) -> Any:
        """Run it in the loop; its result. Not for the loop's own thread."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    def call(self, function: Callable[[], Any], timeout_s: float = 5.0) -> Any:
        """Call it in the loop; its result. Not for the loop's own thread."""

        async def call() -> Any:
            return function()

        return self.run(call(), timeout_s)

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self.serving():
            self._ready.set()
            await self._stop.wait()
