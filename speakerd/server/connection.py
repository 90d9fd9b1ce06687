"""One client's websocket: feeds its session, runs its jobs in threads, sends what comes out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from speakerd.logfields import fields
from speakerd.server.chat import Chat
from speakerd.server.effects import Close, Effect, JobResult, Send, Speak, Think, Transcribe
from speakerd.server.httpstream import HttpError
from speakerd.server.session import Session
from speakerd.server.wits.heard import Call

log = logging.getLogger(__name__)

RunJob = Callable[[Transcribe | Speak, Callable[[], bool]], Awaitable[JobResult]]
"""`(job, wanted)`: what the job gives, or an exception; not done at all if `wanted()` is False when its turn comes."""
MAX_JOBS = 8
"""Jobs of one connection at a time; a client that asks for more waits."""
BIG_FRAME_CHARS = 64 * 1024
"""Half a second of sound and more is judged in a thread, so that other connections do not wait."""


class _Ended(Exception):
    """Unwinds the task group when the connection is over."""


class Connection:
    """Runs until the client leaves or the session ends it. One lock keeps everything in order.

    Nothing is queued: a client that does not read stops its own session at the lock, and the keep-alive
    of the websocket ends it.
    """

    def __init__(
        self,
        socket: ServerConnection,
        model: str,
        run_job: RunJob,
        heavy: asyncio.Semaphore,
        chat: Chat | None = None,
        notice: str = "",
    ) -> None:
        """`heavy` is shared by all connections: so many big frames at a time are judged in threads.

        `notice` is said before the first answer.
        """
        self._socket = socket
        self._run_job = run_job
        self._heavy = heavy
        self._loop = asyncio.get_running_loop()
        self._chat = chat
        self._session = Session(model, new_id, local_time, self._loop.time(), chat=chat is not None, notice=notice)
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()
        self._jobs = asyncio.Semaphore(MAX_JOBS)

    async def run(self) -> None:
        """Serve; returns when the socket is closed."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._pace(), name="pace")
                await self._perform(self._session.start())
                await self._read()
                raise _Ended  # noqa: TRY301 - the way out of a task group
        except* (_Ended, ConnectionClosed):
            pass

    async def _read(self) -> None:
        async for frame in self._socket:
            async with self._lock:
                await self._perform(await self._receive(frame))

    async def _receive(self, frame: str | bytes) -> list[Effect]:
        if len(frame) <= BIG_FRAME_CHARS:
            return self._session.receive(frame, self._loop.time())
        async with self._heavy:
            return await asyncio.to_thread(self._session.receive, frame, self._loop.time())

    async def _pace(self) -> None:
        """Tick the session at its deadlines."""
        while True:
            self._changed.clear()
            wait_s = max(0.0, self._session.deadline_s - self._loop.time())
            try:
                async with asyncio.timeout(wait_s):  # not wait_for: before Python 3.12 it loses cancellations
                    await self._changed.wait()
            except TimeoutError:
                async with self._lock:
                    await self._perform(self._session.tick(self._loop.time()))

    async def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                await self._socket.send(effect.text)
            elif isinstance(effect, Close):
                await self._socket.close(effect.code, effect.reason)
            else:
                self._tasks.create_task(self._job(effect), name=f"job {effect.job}")
        self._changed.set()

    async def _job(self, job: Transcribe | Speak | Think) -> None:
        async with self._jobs:
            if isinstance(job, Think):
                result: JobResult = await self._think(job)
            else:
                result = await self._run_job(job, lambda: self._session.wants(job.job))
        async with self._lock:
            await self._perform(self._session.job_done(job.job, result, self._loop.time()))

    async def _think(self, job: Think) -> JobResult:
        """Ask the chat service, and pass its words on as they come; nothing is asked once nobody wants to hear it."""
        assert self._chat is not None
        calls: tuple[Call, ...] = ()
        try:
            async with contextlib.aclosing(self._chat.answer(job)) as pieces:
                async for piece in pieces:
                    if not self._session.wants(job.job):
                        break
                    if isinstance(piece, tuple):
                        calls = piece
                        continue
                    async with self._lock:
                        await self._perform(self._session.job_progress(job.job, piece, self._loop.time()))
        except HttpError as error:
            log.warning("The chat service failed: %s", error, extra=fields(event="ChatFailed"))
            return error
        return calls


def new_id(prefix: str) -> str:
    """An identifier in the style of the service."""
    return f"{prefix}_{secrets.token_hex(11)}"


def local_time() -> datetime:
    """Now, with the zone of this machine."""
    return datetime.now().astimezone()
