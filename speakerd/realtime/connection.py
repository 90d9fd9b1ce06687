"""What is asked of a websocket beyond sending and receiving."""

from __future__ import annotations

import contextlib
import socket
from email.utils import parsedate_to_datetime

from websockets.asyncio.client import ClientConnection

from speakerd.realtime.failures import closing
from speakerd.realtime.outputs import Fatal


def closed_in_order(sock: ClientConnection) -> Fatal:
    """Why the server closed, though it did so politely."""
    if sock.close_code in (1000, None):
        return Fatal("closed_by_server", f"the server closed the session ({sock.close_code} {sock.close_reason})")
    return closing(sock.close_code or 0, sock.close_reason or "")


def bound_delivery(sock: ClientConnection, seconds: float) -> None:
    """Let the kernel give the connection up if the peer's machine takes nothing of what we send."""
    raw = sock.transport.get_extra_info("socket")
    if raw is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with contextlib.suppress(OSError):  # no TCP: nothing to bound
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))


def date_of(sock: ClientConnection) -> float | None:
    """The server's clock as it answered, Unix seconds."""
    date = sock.response.headers.get("Date") if sock.response else None
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
