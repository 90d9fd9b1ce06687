"""What the pump asks of a websocket: a message in its parts, and how it was closed."""

from __future__ import annotations

from collections.abc import AsyncIterator

from websockets.asyncio.connection import Connection
from websockets.frames import EXTERNAL_CLOSE_CODES
from websockets.typing import Data


async def next_message(socket: Connection) -> tuple[Data, AsyncIterator[Data] | None]:
    """The first part of a message, and the rest if it has any. Raises ConnectionClosed."""
    parts = socket.recv_streaming()
    first = await anext(parts)
    try:
        second = await anext(parts)  # ends at once after a message in one piece
    except StopAsyncIteration:
        return first, None
    return first, _and_then(second, parts)


async def _and_then(first: Data, rest: AsyncIterator[Data]) -> AsyncIterator[Data]:
    yield first
    async for part in rest:
        yield part


def why(socket: Connection) -> tuple[int, str]:
    """What the peer said in closing; what we said, if it said nothing."""
    return socket.close_code or 1006, socket.close_reason or ""


def like(socket: Connection, bad_news: int) -> tuple[int, str]:
    """With what to close the counterpart of `socket`; `bad_news` if it broke off."""
    code, reason = why(socket)
    if code in EXTERNAL_CLOSE_CODES or 3000 <= code < 5000:
        return code, reason
    return (1000, "") if code == 1005 else (bad_news, "")  # neither 1005 nor 1006 can be sent
