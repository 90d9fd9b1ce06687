"""A POST whose answer comes line by line: HTTP/1.1 over asyncio's streams, as much of it as a chat service needs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

MAX_LINE_BYTES = 256 * 1024
MAX_HEADERS = 100


class HttpError(Exception):
    """The service cannot be reached, is too slow, or answers something else than 200."""


@asynccontextmanager
async def post(url: str, body: bytes, timeout_s: float) -> AsyncIterator[AsyncIterator[bytes]]:
    """Lines of the answer's body, without their ends. `timeout_s` bounds each silence. Raises HttpError."""
    parts = urlsplit(url)
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    host, port = parts.hostname or "", parts.port or (443 if tls else 80)
    head = (
        f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Accept: text/event-stream\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        request = head.encode("ascii") + body
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls, limit=MAX_LINE_BYTES)
    except (OSError, UnicodeError) as error:
        raise HttpError(f"cannot connect to {host}:{port}: {type(error).__name__}") from error
    try:
        writer.write(request)
        answer = _Answer(reader, timeout_s)
        await answer.head()
        yield answer.lines()
    finally:
        writer.close()


class _Answer:
    def __init__(self, reader: asyncio.StreamReader, timeout_s: float) -> None:
        self._reader = reader
        self._timeout_s = timeout_s
        self._chunked = False

    async def head(self) -> None:
        """Read the status and the headers."""
        status = (await self._line()).split(b" ", 2)
        if len(status) < 2 or not status[0].startswith(b"HTTP/1."):
            raise HttpError("the answer is not HTTP")
        for _ in range(MAX_HEADERS):
            line = await self._line()
            if not line.strip():
                break
            name, _, value = line.lower().partition(b":")
            if name.strip() == b"transfer-encoding" and b"chunked" in value:
                self._chunked = True
        else:
            raise HttpError("too many headers")
        if status[1] != b"200":
            raise HttpError(f"status {status[1][:3].decode('ascii', 'replace')}")

    async def lines(self) -> AsyncIterator[bytes]:
        """The body's lines."""
        pending = b""
        async for piece in self._pieces():
            *whole, pending = (pending + piece).split(b"\n")
            for line in whole:
                yield line.rstrip(b"\r")
            if len(pending) > MAX_LINE_BYTES:
                raise HttpError("a line is too long")
        if pending:
            yield pending

    async def _pieces(self) -> AsyncIterator[bytes]:
        while self._chunked:
            size_line = await self._line()
            try:
                size = int(size_line.split(b";")[0], 16)
            except ValueError:
                raise HttpError("a chunk without its size") from None
            if size == 0:
                return
            while size > 0:
                piece = await self._read(min(size, MAX_LINE_BYTES))
                if not piece:
                    raise HttpError("the answer broke off")
                size -= len(piece)
                yield piece
            await self._line()
        while piece := await self._read(MAX_LINE_BYTES):
            yield piece

    async def _line(self) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                line = await self._reader.readline()
        except (OSError, TimeoutError, ValueError) as error:
            raise HttpError(f"no answer: {type(error).__name__}") from error
        if not line.endswith(b"\n"):
            raise HttpError("the answer broke off")
        return line

    async def _read(self, n: int) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._reader.read(n)
        except (OSError, TimeoutError) as error:
            raise HttpError(f"no answer: {type(error).__name__}") from error
