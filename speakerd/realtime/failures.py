"""Why a connection could not be made or broke: exceptions and refusals as codes of `troubles`."""

from __future__ import annotations

import errno
import json
import socket
import ssl

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    PayloadTooBig,
    ProxyError,
)
from websockets.http11 import Response

from speakerd.realtime.outputs import Fatal
from speakerd.realtime.reader import Reader
from speakerd.realtime.troubles import CODES, code_within

STATUS_CODES = {401: "key_refused", 403: "key_refused", 404: "not_found", 429: "rate_limited"}


def explain(error: BaseException) -> Fatal:
    """A code and a sentence for the human, with what to do next."""
    match error:
        case InvalidStatus():
            return _refusal(error.response)
        case ProxyError():
            return Fatal("proxy_failed", f"the proxy does not let us through ({error}); see https_proxy")
        case ImportError():
            text = f"the proxy of this machine needs what is not installed ({error}); set no_proxy"
            return Fatal("proxy_unsupported", text)
        case InvalidURI() | UnicodeError():
            return Fatal("bad_url", "realtime.url is no websocket address; run `speakerd check`")
        case ConnectionClosed():
            return _closed(error)
        case PayloadTooBig():
            return Fatal("message_too_large", "the server sent a message beyond all measure")
        case InvalidHandshake():
            return Fatal("bad_handshake", "the server does not speak websocket there; check realtime.url")
        case ssl.SSLError():
            text = f"no trusted connection ({error.reason}); check the clock of this machine and its CAs"
            return Fatal("tls_failed", text)
        case TimeoutError() if error.errno != errno.ETIMEDOUT:
            return Fatal("connect_timeout", "the server did not answer in time; check the network and realtime.url")
        case socket.gaierror():
            return _unnamed(error)
        case ConnectionRefusedError():
            return Fatal("connection_refused", "nothing listens there; check realtime.url and that the server runs")
        case OSError() if "Multiple exceptions" in str(error) and "111" in str(error):
            return Fatal("connection_refused", "nothing listens there; check realtime.url and that the server runs")
        case _:
            text = f"the network failed ({_name(error)}); check the connection"
            return Fatal("network_failed", text)


def _unnamed(error: socket.gaierror) -> Fatal:
    if error.errno == socket.EAI_AGAIN:
        return Fatal("dns_failed", "no name server answers; check the network")
    return Fatal("name_not_found", "the server's name was not found; check the network, DNS and realtime.url")


def _name(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    return errno.errorcode.get(number, type(error).__name__) if isinstance(number, int) else type(error).__name__


def _closed(error: ConnectionClosed) -> Fatal:
    if error.sent is not None and error.sent.code == 1009 and error.rcvd_then_sent is not True:
        return Fatal("message_too_large", "the server sent a message beyond all measure")
    frame = error.rcvd
    if frame is None:
        return Fatal("connection_lost", "the connection broke off; check the network")
    return closing(frame.code, frame.reason)


def closing(code: int, reason: str) -> Fatal:
    """The server's close frame: its reason may spell out a code of the service."""
    text = f"the server closed the session: {code} {reason}".rstrip()
    return Fatal(code_within(reason) or f"closed_{code}", text)


def _refusal(response: Response) -> Fatal:
    """An HTTP answer instead of a websocket."""
    status, said = response.status_code, _said(response)
    code = STATUS_CODES.get(status, f"http_{status}")
    for name in (said.text_or_nothing("code"), said.text_or_nothing("type")):
        if name in CODES:
            code = name
            break
    if status < 400 and code not in CODES:
        return Fatal("bad_handshake", "the server does not speak websocket there; check realtime.url")
    retry_s = response.headers.get("Retry-After", "")
    return Fatal(
        code,
        _SENTENCES.get(code, f"the service answered HTTP {status}; try again later").format(status),
        float(retry_s) if retry_s.isdecimal() else 0.0,
    )


_SENTENCES = {
    "key_refused": "the service refused the key (HTTP {}); store a valid one as openai-api-key",
    "not_found": "the service knows no such address or model (HTTP {}); check realtime.url and realtime.model",
    "rate_limited": "the service has had too many requests from this key (HTTP {}); wait, or check the quota",
    "insufficient_quota": "the account has no credit left (HTTP {}); check its billing",
    "model_not_found": "the service does not know the model (HTTP {}); check realtime.model",
}


def _said(response: Response) -> Reader:
    """The `error` of a JSON body; empty if there is none."""
    try:
        body = json.loads(response.body or b"")
    except (ValueError, RecursionError):
        body = {}
    return Reader(body if isinstance(body, dict) else {}).lenient("error")
