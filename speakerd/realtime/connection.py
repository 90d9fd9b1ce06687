"""What is asked of a websocket beyond sending and receiving."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from websockets.asyncio.client import ClientConnection, connect

from speakerd.realtime.failures import closing
from speakerd.realtime.outputs import Fatal


class Straight(connect):
    """Connects to this address and no other: a redirect could lead the key to a stranger."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Do not follow it."""
        return exc


@dataclass(slots=True)
class Octets:
    """Bytes of messages, without what TLS and the socket's frames add."""

    sent: int = 0
    received: int = 0

    def send(self, text: str) -> None:
        """Count a message that was sent."""
        self.sent += _size(text)

    def receive(self, frame: str | bytes) -> None:
        """Count a message that came."""
        self.received += _size(frame)


def _size(frame: str | bytes) -> int:
    return len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode("utf-8", "replace"))


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
    except (ValueError, TypeError, OverflowError):
        return None
