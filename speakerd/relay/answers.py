"""HTTP answers, and the names of sockets."""

from __future__ import annotations

import http
from socket import socket as Socket

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Response

from speakerd.relay.refusals import Refusal


def refused(refusal: Refusal) -> Response:
    """A refusal in the shape of the service."""
    response = as_json(refusal.status, refusal.body())
    if refusal.retry_s:
        response.headers["Retry-After"] = str(refusal.retry_s)
    if refusal.status == http.HTTPStatus.UPGRADE_REQUIRED:
        response.headers["Upgrade"] = "websocket"
    if refusal.status == http.HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def as_json(status: int, body: bytes) -> Response:
    """JSON."""
    return page(status, "application/json", body)


def page(status: int, kind: str, body: bytes) -> Response:
    """`kind`: its media type."""
    headers = Headers()
    headers["Connection"] = "close"
    headers["Content-Type"] = kind
    headers["Content-Length"] = str(len(body))
    return Response(status, http.HTTPStatus(status).phrase, headers, body)


def address_of(connection: ServerConnection) -> str:
    """The client's IP address, that of IPv4 as such also on a socket for both; empty on a Unix socket."""
    name = connection.remote_address
    address = str(name[0]).partition("%")[0] if isinstance(name, tuple) else ""
    return address.removeprefix("::ffff:") if "." in address else address


def name_of(socket: Socket) -> str:
    """Where it listens, as in a URL."""
    name = socket.getsockname()
    if not isinstance(name, tuple):
        return str(name)
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
