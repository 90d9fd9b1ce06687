"""Runs plain functions in threads, a bounded number at once, and does not wait for those that hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from speakerd.threads import Mailbox, Worker


class BusyError(Exception):
    """All threads are taken."""


@dataclass(frozen=True, slots=True)
class _Result:
    future: asyncio.Future[Any]
    value: Any = None
    error: BaseException | None = None


class Pool:
    """Belongs to the loop. A thread for each call, so that one that never returns takes nothing with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int, on_error: Callable[[Exception], None]) -> None:
        """`most` threads at once. `on_error` hears of bugs of ours."""
        self._loop = loop
        self._most = most
        # One place for each thread, and a thread posts once: no result is ever dropped.
        self._results: Mailbox[_Result] = Mailbox(loop, self._deliver, most, on_error)
        self.running = 0
        """Threads that have not returned, those that nobody waits for any more among them."""

    async def call(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """What `function` returns or raises. Cancelled, it leaves the thread to itself. Raises BusyError."""
        if self.running >= self._most:
            raise BusyError
        future: asyncio.Future[Any] = self._loop.create_future()

        def run(_worker: Worker) -> None:
            self._results.post(_Result(future, function(**arguments)))

        def failed(_name: str, error: BaseException) -> None:
            self._results.post(_Result(future, error=error))

        self.running += 1
        Worker("skill", run, failed).start()
        return await future

    def close(self) -> None:
        """Deliver nothing from now on."""
        self._results.close()

    def _deliver(self, result: _Result) -> None:
        self.running -= 1
        if result.future.done():  # nobody waits any more
            return
        if result.error is None:
            result.future.set_result(result.value)
        elif isinstance(result.error, Exception) and not isinstance(result.error, StopIteration):
            result.future.set_exception(result.error)
        else:  # what a future does not take, or what would end the loop
            result.future.set_exception(RuntimeError(type(result.error).__name__))
