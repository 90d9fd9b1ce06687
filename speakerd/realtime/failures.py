"""Why a connection could not be made or broke: exceptions and refusals as codes of `troubles`."""

from __future__ import annotations

import errno
import json
import re
import socket
import ssl

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    PayloadTooBig,
    ProxyError,
)
from websockets.http11 import Response

from speakerd.config.mistakes import masked
from speakerd.realtime.outputs import Fatal
from speakerd.realtime.reader import Reader
from speakerd.realtime.troubles import CODES, TELLING, code_within

STATUS_CODES = {
    401: "key_refused",
    402: "payment_required",
    403: "key_refused",
    404: "not_found",
    405: "bad_handshake",
    408: "server_silent",
    410: "not_found",
    426: "bad_handshake",
    429: "rate_limited",
    501: "bad_handshake",
}
"""Any other is `http_` and the status."""
NUMBERS = {
    errno.ECONNREFUSED: ("connection_refused", "nothing listens there"),
    errno.EHOSTUNREACH: ("host_unreachable", "nobody has that address"),
    errno.EHOSTDOWN: ("host_unreachable", "the machine at that address is off"),
    errno.ETIMEDOUT: ("connect_timeout", "the machine at that address does not answer"),
    errno.ECONNRESET: ("hung_up", "the server hung up"),
    errno.ECONNABORTED: ("hung_up", "the server hung up"),
    errno.EPIPE: ("hung_up", "the server hung up"),
}
"""What the network says of the way to the server, the most telling first; all else is the network's own failure."""
NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
"""OpenSSL's reasons where the other side answered, and not with TLS."""


def explain(error: BaseException) -> Fatal:
    """A code and what is known of it; what to do about it is told by `troubles`."""
    match error:
        case InvalidStatus():
            return _refusal(error.response)
        case ProxyError():
            return Fatal("proxy_failed", f"the proxy does not let us through ({error}); see https_proxy")
        case InvalidProxy():  # itself it names, with its password
            return Fatal("proxy_failed", "what https_proxy says is no address of a proxy")
        case ImportError():
            text = f"the proxy of this machine needs what is not installed ({error}); set no_proxy"
            return Fatal("proxy_unsupported", text)
        case ConnectionClosed():
            return _closed(error)
        case PayloadTooBig():
            return Fatal("message_too_large", "the server sent a message beyond all measure")
        case InvalidHandshake() if isinstance(error.__cause__, EOFError):
            return Fatal("hung_up", "the server hung up without an answer")
        case InvalidHandshake():
            return Fatal("bad_handshake", "the server does not speak websocket there")
        case ssl.SSLError():
            return _insecure(error)
        case InvalidURI() | ValueError():
            return Fatal("bad_url", "that is no websocket address, or https_proxy no address of a proxy")
        case TimeoutError() if error.errno != errno.ETIMEDOUT:
            return Fatal("connect_timeout", "the server did not answer in time")
        case socket.gaierror():
            return _unnamed(error)
        case _:
            return _network(error)


def _insecure(error: ssl.SSLError) -> Fatal:
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Fatal("hung_up", "the server hung up before the connection was secure")
    if error.reason in NOT_TLS:
        return Fatal("tls_failed", f"what answers there speaks no TLS ({error.reason}): a portal, or ws:// is meant")
    return Fatal("tls_failed", error.reason or type(error).__name__)


def _unnamed(error: socket.gaierror) -> Fatal:
    if error.errno == socket.EAI_AGAIN:
        return Fatal("dns_failed", "no name server answers")
    return Fatal("name_not_found", "the server's name was not found")


def _network(error: BaseException) -> Fatal:
    """Of several addresses that were tried one may tell more than the others."""
    number = getattr(error, "errno", None)
    numbers = [number] if isinstance(number, int) else [int(n) for n in re.findall(r"\[Errno (\d+)\]", str(error))]
    for one, (code, text) in NUMBERS.items():
        if one in numbers:
            return Fatal(code, text)
    names = ", ".join(errno.errorcode.get(one, str(one)) for one in numbers)
    return Fatal("network_failed", f"the network failed ({names or type(error).__name__})")


def _closed(error: ConnectionClosed) -> Fatal:
    if error.sent is not None and error.sent.code == 1009 and error.rcvd_then_sent is not True:
        return Fatal("message_too_large", "the server sent a message beyond all measure")
    frame = error.rcvd
    if frame is None:
        return Fatal("connection_lost", "the connection broke off")
    return closing(frame.code, frame.reason)


def closing(code: int, reason: str) -> Fatal:
    """The server's close frame: its reason may spell out a code of the service."""
    text = f"the server closed the session: {code} {masked(reason)}".rstrip()
    return Fatal(code_within(reason) or f"closed_{code}", text)


def _refusal(response: Response) -> Fatal:
    """An HTTP answer instead of a websocket."""
    status, said = response.status_code, _said(response)
    names = [said.text_or_nothing("code"), said.text_or_nothing("type")]
    known = "bad_handshake" if status < 400 else STATUS_CODES.get(status, "")
    vague = next((name for name in names if name in CODES), f"http_{status}")
    code = next((name for name in names if name in TELLING), known or vague)
    raw = next((f" ({name})" for name in names if name and name != code), "")
    retry_s = response.headers.get("Retry-After", "")
    return Fatal(code, f"the server answered HTTP {status}{raw}", float(retry_s[:6]) if retry_s.isdecimal() else 0.0)


def _said(response: Response) -> Reader:
    """The `error` of a JSON body, or the body where it has none; empty if that tells nothing."""
    try:
        body = json.loads(response.body or b"")
    except (ValueError, RecursionError):
        body = {}
    reader = Reader(body if isinstance(body, dict) else {})
    return reader.lenient("error") if isinstance(reader.data.get("error"), dict) else reader
