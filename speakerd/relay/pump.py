"""Carries messages both ways between two websockets, piece by piece; whoever cannot keep up is waited for.

Neither side is read faster than the other takes: what is under way is the few frames that `websockets` holds for each
direction, and a socket's buffer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.typing import Data

from speakerd.relay import bills, policy
from speakerd.relay.frames import like, next_message, why
from speakerd.relay.limits import MESSAGE_COST_BYTES, Pace
from speakerd.relay.pending import Pending
from speakerd.relay.refusals import BINARY, STALLED, TOO_LARGE, Refusal
from speakerd.relay.talk import Talk

BURST_S = 4.0
"""What a client may send at once, in seconds of its pace: sound from before the wake word, say."""
SETTLE_S = 3.0
"""Time for the service to bill a response whose client has gone."""
CHECK_S = 0.5
"""Longest that a client waits for its budget to be checked; a store that is slower holds up nobody."""
BAD_NEWS_FOR_CLIENT = 1014
"""Bad gateway: the service broke off."""
BAD_NEWS_FOR_SERVICE = 1001
"""Going away: so did the client."""


class Watcher(Protocol):
    """Who is told what passes. Called in the loop; must not wait."""

    def objected(self, talk: Talk, refusal: Refusal) -> None:
        """A message was not passed on."""

    def passes(self, talk: Talk, message: str) -> None:
        """A message of the service that may begin a response, or bill one."""


class _ObjectionError(Exception):
    """In the midst of a message in pieces."""


class Pump:
    """Of one session; runs once. Owned by the loop."""

    def __init__(
        self, client: ServerConnection, service: ClientConnection, talk: Talk, watcher: Watcher, bytes_per_s: float
    ) -> None:
        self._client = client
        self._service = service
        self._talk = talk
        self._watcher = watcher
        self._pace = Pace(bytes_per_s, BURST_S * bytes_per_s)
        self._loop = asyncio.get_running_loop()
        self._pending = Pending[Connection](self._loop.time)
        self._client_gone = False
        self._ending = False  # True: `end` closes the client, and nobody else
        self._settled = asyncio.Event()
        self._may_go = asyncio.Event()
        self._may_go.set()

    async def run(self) -> None:
        """Until both are closed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._up(), name="up")
            tasks.create_task(self._down(), name="down")

    def condemn(self, refusal: Refusal) -> None:
        """From now on nothing that the client sends is passed on; `end` follows."""
        self._ending = True
        self._note_end("relay", refusal.close_code, refusal.reason)

    async def end(self, refusal: Refusal) -> None:
        """End the session, and tell the client why. May wait for its socket."""
        self.condemn(refusal)
        await self._tell(refusal)
        await self._close(self._client, refusal.close_code, refusal.reason)

    def check(self, now_s: float, stall_s: float) -> None:
        """Cut off who has taken nothing for `stall_s`: the rest then ends by itself."""
        for socket in self._pending.stalled(now_s, stall_s):
            self._note_end("relay", STALLED.close_code, STALLED.reason)
            socket.transport.abort()

    def go_on(self) -> None:
        """Its budget was checked: what the client sends may pass again."""
        self._talk.to_be_checked = False
        self._may_go.set()

    # ------------------------------------------------------------ client → service

    async def _up(self) -> None:
        try:
            while True:
                first, rest = await next_message(self._client)
                self._talk.messages_up += 1
                if not isinstance(first, str):
                    await self._end_within(BINARY, rest)
                elif rest is None:
                    await self._carry_up(first)
                else:
                    await self._carry_parts_up(first, rest)
        except ConnectionClosed:
            if self._client.close_code is None:
                return  # the service has closed: `_down` passes it on
            self._client_gone = True
            self._note_end("client", *why(self._client))
        await self._settle_bill()
        await self._close(self._service, *like(self._client, BAD_NEWS_FOR_SERVICE))

    async def _carry_up(self, text: str) -> None:
        if len(text) > policy.MAX_PARSED_CHARACTERS and not policy.is_plain(text):
            await self._object(TOO_LARGE)
            return
        objection = policy.judge(text, self._talk.rules)
        if objection is not None:
            await self._object(objection.refusal, objection.event_id)
            return
        await self._wait_for_pace(len(text))
        if not self._may_go.is_set():
            await self._wait_for_check()
        if not self._ending:
            await self._send(self._service, text)

    async def _carry_parts_up(self, first: str, rest: AsyncIterator[Data]) -> None:
        """What may be parsed is gathered and judged; what is larger must be plain, and is sent part by part."""
        held = first
        async for part in rest:
            held += str(part)
            if len(held) > policy.MAX_PARSED_CHARACTERS:
                break
        else:
            await self._carry_up(held)
            return
        try:
            with self._pending.to(self._service):
                await self._service.send(self._plain_parts(held, rest))
        except _ObjectionError:
            # If some of it went out, `websockets` has closed that side: the service never sees a whole message.
            await self._end_within(TOO_LARGE, rest)

    async def _plain_parts(self, first: str, rest: AsyncIterator[Data]) -> AsyncIterator[str]:
        part, seam = first, ""
        while True:
            if not policy.is_plain(seam + part):
                self._watcher.objected(self._talk, TOO_LARGE)
                self._ending = True
                raise _ObjectionError
            seam = (seam + part)[-policy.OVERLAP :]
            await self._wait_for_pace(len(part))
            self._pending.begin(self._service)
            yield part
            try:
                part = str(await anext(rest))
            except StopAsyncIteration:
                return

    async def _end_within(self, refusal: Refusal, rest: AsyncIterator[Data] | None) -> None:
        await self.end(refusal)
        if rest is not None:
            async for _ in rest:  # only what was read before the end
                pass

    async def _wait_for_pace(self, size: int) -> None:
        self._talk.bytes_up += size
        wait_s = self._pace.take(size + MESSAGE_COST_BYTES, self._loop.time())
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def _wait_for_check(self) -> None:
        """A response has ended: ask for no other before it is known that it can be paid."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CHECK_S):
                await self._may_go.wait()

    async def _object(self, refusal: Refusal, event_id: str | None = None) -> None:
        self._watcher.objected(self._talk, refusal)
        await self._tell(refusal, event_id)

    async def _tell(self, refusal: Refusal, event_id: str | None = None) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._send(self._client, refusal.event(f"event_{secrets.token_hex(11)}", event_id))

    # ------------------------------------------------------------ service → client

    async def _down(self) -> None:
        try:
            while True:
                first, rest = await next_message(self._service)
                self._talk.messages_down += 1
                if rest is None:
                    self._pass_by(first)
                    await self._send_down(first)
                else:
                    await self._carry_parts_down(first, rest)
        except ConnectionClosed:
            if self._service.close_code is None:
                return  # the client has gone in the midst of a message: `_up` passes it on
            self._note_end("service", *why(self._service))
        self._settled.set()
        if not self._ending:
            await self._close(self._client, *like(self._service, BAD_NEWS_FOR_CLIENT))

    def _pass_by(self, message: Data) -> None:
        self._talk.bytes_down += len(message)
        if isinstance(message, str) and bills.is_of_interest(message):
            self._tell_watcher(message)

    def _tell_watcher(self, text: str) -> None:
        self._watcher.passes(self._talk, text)
        if self._talk.to_be_checked:
            self._may_go.clear()
        if self._talk.open_responses <= 0:
            self._settled.set()

    async def _send_down(self, message: Data) -> None:
        """A client that has gone is sent nothing: what still comes is read for its bill."""
        if not self._client_gone:
            try:
                await self._send(self._client, message)
            except ConnectionClosed:
                self._client_gone = True

    async def _carry_parts_down(self, first: Data, rest: AsyncIterator[Data]) -> None:
        kept: list[str] = []
        size = 0

        async def parts() -> AsyncIterator[Data]:
            nonlocal size
            part = first
            while True:
                size += len(part)
                self._talk.bytes_down += len(part)
                if isinstance(part, str) and size <= bills.MAX_PARSED_CHARACTERS:
                    kept.append(part)
                self._pending.begin(self._client)
                yield part
                self._pending.taken(self._client)
                try:
                    part = await anext(rest)
                except StopAsyncIteration:
                    return

        if self._client_gone:
            async for _ in parts():
                pass
        else:
            try:
                await self._client.send(parts())
            except ConnectionClosed:
                self._client_gone = True
                raise  # of either: the message cannot be completed
            finally:
                self._pending.taken(self._client)
        if size <= bills.MAX_PARSED_CHARACTERS and bills.is_of_interest(text := "".join(kept)):
            self._tell_watcher(text)

    # ------------------------------------------------------------ both

    async def _settle_bill(self) -> None:
        """Who leaves in the midst of a response pays for it, too."""
        if self._talk.open_responses <= 0 or self._service.close_code is not None:
            return
        self._settled.clear()
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await self._service.send(json.dumps({"type": "response.cancel"}))
                await self._settled.wait()

    async def _send(self, socket: Connection, message: Data) -> None:
        with self._pending.to(socket):
            await socket.send(message)

    async def _close(self, socket: Connection, code: int, reason: str) -> None:
        with self._pending.to(socket):
            await socket.close(code, reason)

    def _note_end(self, by: str, code: int, reason: str) -> None:
        if not self._talk.ended_by:
            self._talk.ended_by, self._talk.code, self._talk.reason = by, code, reason
