"""The control socket's server: lets callers in, one request each, and none of them can do harm by being there.

A line has a longest length and a latest time; connections are few, fewer of one user; callers are let in no faster
than RATE_HZ, whatever they do: what waits beyond that waits in the kernel, and costs the loop nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speakerd.logfields import fields
from speakerd.service.ctl.words import MAX_LINE_BYTES, Reply, Request, UnclearError, parse

log = logging.getLogger(__name__)

MODE = 0o660
MOST = 16
"""Connections at a time; those of root come on top."""
MOST_OF_ONE = 4
"""Of these, of one user."""
TIME_S = 5.0
"""Time to send the request, and again to take the answer."""
RATE_HZ = 20.0
"""Callers let in, each second, for long."""
BURST = 20
"""Callers let in at once after a quiet second."""
BACKLOG = 16
RETRY_S = 1.0
"""Pause after the system refused a connection, for lack of descriptors."""
_CREDENTIALS = struct.Struct("3i")
"""`struct ucred`: pid, uid, gid."""
ROOT = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the kernel says."""

    pid: int
    uid: int
    """65534 for those that this process's user namespace does not know."""


Serve = Callable[[Request, Caller], Awaitable[Reply]]


class Door:
    """Owned by the loop. `open` once, `close` as often as you like."""

    def __init__(self, path: Path, serve: Serve, tasks: asyncio.TaskGroup) -> None:
        """`serve` answers a request; it bounds its time itself."""
        self._path = path
        self._serve = serve
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._inside: Counter[int] = Counter()
        """Connections of each user."""
        self._running: set[asyncio.Task[None]] = set()
        self._listening: socket.socket | None = None
        self.requests = 0
        self.turned_away = 0
        """Connections that were too many, too slow or made no sense."""

    def open(self) -> str:
        """Listen from now on; why that cannot be, empty if it can. A daemon works without it, too."""
        if _answers(self._path):
            return f"another daemon listens at {self._path}"
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            self._path.unlink(missing_ok=True)
            listening.bind(str(self._path))
            self._path.chmod(MODE)  # before listen: until then nobody gets in
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            return f"no socket at {self._path}: {error.strerror or error}"
        self._listening = listening
        self._start(self._admit(listening), "ctl")
        return ""

    def close(self) -> None:
        """Let nobody in, and send those away who are."""
        if self._listening is None:
            return
        self._listening = None
        for task in self._running:
            task.cancel()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = self._tasks.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _admit(self, listening: socket.socket) -> None:
        allowance, filled_s = float(BURST), self._loop.time()
        with listening:
            while True:
                try:
                    connection, _ = await self._loop.sock_accept(listening)
                except OSError as error:
                    log.warning(
                        "The control socket cannot take a caller: %s.",
                        error.strerror,
                        extra=fields(event="CtlShort", reason=error.strerror),
                    )
                    await asyncio.sleep(RETRY_S)
                    continue
                self._receive(connection)
                now_s = self._loop.time()
                allowance = min(BURST, allowance + (now_s - filled_s) * RATE_HZ) - 1.0
                filled_s = now_s
                if allowance < 0.0:
                    await asyncio.sleep(-allowance / RATE_HZ)

    def _receive(self, connection: socket.socket) -> None:
        """A caller is there: serve, or turn away who is one too many."""
        caller = _caller(connection)
        others = self._inside.total() - self._inside[ROOT]
        if self._inside[caller.uid] < MOST_OF_ONE and (caller.uid == ROOT or others < MOST):
            self._inside[caller.uid] += 1
            self._start(self._attend(connection, caller), "ctl caller")
            return
        self.turned_away += 1
        with connection, contextlib.suppress(OSError):
            connection.send(Reply("Too many are asking at once; try again.", "busy").encode())

    async def _attend(self, connection: socket.socket, caller: Caller) -> None:
        try:
            with connection, contextlib.suppress(OSError):  # who goes away needs no answer
                reply = await self._answer(connection, caller)
                async with asyncio.timeout(TIME_S):
                    await self._loop.sock_sendall(connection, reply.encode())
        finally:
            self._inside -= Counter({caller.uid: 1})

    async def _answer(self, connection: socket.socket, caller: Caller) -> Reply:
        try:
            async with asyncio.timeout(TIME_S):
                line = await self._line(connection)
            request = parse(line)
        except TimeoutError:
            self.turned_away += 1
            return Reply(f"No request came within {TIME_S:.0f} s.", "too_slow")
        except UnclearError as error:
            self.turned_away += 1
            return Reply(str(error), "unclear")
        self.requests += 1
        return await self._serve(request, caller)

    async def _line(self, connection: socket.socket) -> bytes:
        """Up to the line feed, or to the end of what is sent. Raises UnclearError if that is too far."""
        line = b""
        while b"\n" not in line:
            piece = await self._loop.sock_recv(connection, MAX_LINE_BYTES + 1 - len(line))
            line += piece
            if len(line) > MAX_LINE_BYTES:
                raise UnclearError(f"The request is too long; {MAX_LINE_BYTES} bytes are the most.")
            if not piece:
                break
        return line.partition(b"\n")[0]


def _answers(path: Path) -> bool:
    """Whether somebody listens there: a file alone is what a daemon left that was killed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except BlockingIOError:  # its backlog is full
            return True
        except OSError:
            return False
        return True


def _caller(connection: socket.socket) -> Caller:
    pid, uid, _gid = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return Caller(pid, uid)
