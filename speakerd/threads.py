"""Where threads and the event loop meet: nowhere else.

`Worker` is a named thread that reports its own death; `Mailbox` carries what threads have to say
into the loop. Nothing that belongs to asyncio is touched from another thread anywhere else.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Worker:
    """A named daemon thread. `run` is called once in it and must return soon after `stop` was called.

    Thread-safe: all methods. A used worker is never started again: make a new one.
    """

    def __init__(
        self, name: str, run: Callable[[Worker], None], on_crash: Callable[[str, BaseException], None]
    ) -> None:
        """`on_crash(name, error)` is called in the dying thread when `run` raises."""
        self.name = name
        self._run = run
        self._on_crash = on_crash
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)  # noqa: TID251 - the one home

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def stopping(self) -> bool:
        """True once `stop` was called: leave `run`."""
        return self._stopping.is_set()

    def pause(self, seconds: float) -> bool:
        """Sleep, for use inside `run`; True if the worker was stopped meanwhile."""
        return self._stopping.wait(seconds)

    def stop(self) -> None:
        """Ask the thread to end. Returns at once."""
        self._stopping.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False if the thread still runs (a hung device) after `timeout_s`."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            self._run(self)
        except BaseException as error:  # noqa: BLE001 - reported, never swallowed: the loop ends the daemon
            self._on_crash(self.name, error)


class Mailbox(Generic[T]):
    """Threads post, the loop handles, in order. Bounded: what does not fit is dropped and counted.

    `post` is thread-safe; all else, and `handler`, runs in the loop's thread. One wake-up of the loop
    serves all that has gathered, so a busy loop is not flooded with callbacks.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        handler: Callable[[T], None],
        bound: int,
        on_error: Callable[[Exception], None],
    ) -> None:
        """`on_error` hears what `handler` raised, a bug; what waits behind that item is handled all the same."""
        self._loop = loop
        self._handler = handler
        self._bound = bound
        self._on_error = on_error
        self._closed = False
        self._lock = threading.Lock()
        self._items: deque[T] = deque()
        self._scheduled = False
        self.dropped = 0
        """Newest items that found no room."""

    def post(self, item: T) -> bool:
        """Hand `item` to the loop; False if it was not taken (full, or closed, or the loop is closed)."""
        with self._lock:
            if self._closed:
                return False
            if len(self._items) >= self._bound:
                self.dropped += 1
                return False
            self._items.append(item)
            if self._scheduled:
                return True
            self._scheduled = True
        try:
            self._loop.call_soon_threadsafe(self._serve)
        except RuntimeError:  # the loop is closed: the daemon is going down
            return False
        return True

    def close(self) -> None:
        """Handle nothing from now on, not even what waits."""
        with self._lock:
            self._closed = True
            self._items.clear()

    def _serve(self) -> None:
        with self._lock:
            items, self._items = self._items, deque()
            self._scheduled = False
        while items and not self._closed:  # a handler may close it
            try:
                self._handler(items.popleft())
            except Exception as error:  # noqa: BLE001 - reported, never swallowed: the loop ends the daemon
                self._on_error(error)
