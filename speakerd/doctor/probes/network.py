"""The way to the service: name, connection, certificate, clock, model, session. The key goes nowhere but there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import time
import urllib.request
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import IO
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit, urlunsplit

from speakerd.config.credentials import ApiKey
from speakerd.config.model import Realtime
from speakerd.conversation.events import SessionEnded, SessionReady
from speakerd.doctor.judges.network import ModelAnswer
from speakerd.doctor.probes.command import ask, properties
from speakerd.realtime.address import headers, is_this_machine
from speakerd.realtime.link import Link
from speakerd.realtime.outputs import Delivery
from speakerd.realtime.settings import session_settings
from speakerd.wallclock import local_now

TIMEOUT_S = 8.0
MAX_BYTES = 64 * 1024
_PATH = "/v1/realtime"


@dataclass(frozen=True, slots=True)
class Way:
    """Where the service is."""

    host: str
    port: int
    encrypted: bool

    @classmethod
    def of(cls, url: str) -> Way:
        """Of a websocket URL."""
        parts = urlsplit(url)
        encrypted = parts.scheme == "wss"
        return cls(parts.hostname or "", parts.port or (443 if encrypted else 80), encrypted)


def proxy_for(url: str) -> bool:
    """True if a proxy of this machine's environment leads there: then it looks up the name, and it connects."""
    parts = urlsplit(url)
    if is_this_machine(url) or urllib.request.proxy_bypass(parts.hostname or ""):
        return False
    proxies = urllib.request.getproxies()
    return bool(proxies.get("https" if parts.scheme == "wss" else "http") or proxies.get("all"))


def resolve(way: Way) -> tuple[float, str]:
    """Milliseconds, and which kinds of addresses there are. Raises OSError. May take as long as the resolver likes."""
    began_s = time.monotonic()
    found = socket.getaddrinfo(way.host, way.port, type=socket.SOCK_STREAM)
    kinds = {"IPv6" if family == socket.AF_INET6 else "IPv4" for family, *_ in found}
    return 1000 * (time.monotonic() - began_s), " and ".join(sorted(kinds))


def connect(way: Way, *, trusting: bool = False) -> float:
    """Milliseconds until there is a connection, encrypted if it is to be. Raises OSError, SSLError among them."""
    began_s = time.monotonic()
    with socket.create_connection((way.host, way.port), TIMEOUT_S) as raw:
        if way.encrypted:
            with _context(trusting=trusting).wrap_socket(raw, server_hostname=way.host):
                pass
    return 1000 * (time.monotonic() - began_s)


def skew_of_stranger(way: Way) -> float | None:
    """Seconds, our clock less that of a server that is not trusted; nothing is told to it, nothing else believed."""
    try:
        with (
            socket.create_connection((way.host, way.port), TIMEOUT_S) as raw,
            _context(trusting=True).wrap_socket(raw, server_hostname=way.host) as sock,
        ):
            sock.sendall(b"HEAD / HTTP/1.1\r\nHost: " + way.host.encode("idna") + b"\r\nConnection: close\r\n\r\n")
            text = sock.recv(MAX_BYTES).decode("latin-1")
    except (OSError, UnicodeError):
        return None
    lines = (line.partition(":") for line in text.split("\r\n"))
    return _skew(next((value.strip() for name, _, value in lines if name.lower() == "date"), None))


def ask_model(realtime: Realtime, key: ApiKey | None) -> tuple[ModelAnswer | None, float | None]:
    """`GET /v1/models/MODEL` where the service speaks, with the key if it may be shown; and our clock less its, s."""
    url = model_url(realtime)
    if not url:
        return None, None
    shown = headers(realtime, realtime.url, key.reveal() if key else None)
    request = urllib.request.Request(url, headers={**dict(shown), "User-Agent": "speakerd"})
    handlers = [_NoRedirects(), urllib.request.HTTPSHandler(context=_context(trusting=False))]
    if is_this_machine(realtime.url):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S) as answer:
            return _model_answer(answer.status, answer), _skew(answer.headers.get("Date"))
    except HTTPError as answer:
        with answer:
            return _model_answer(answer.code, answer), _skew(answer.headers.get("Date"))
    except (OSError, HTTPException, ValueError):
        return None, None


def model_url(realtime: Realtime) -> str:
    """Where OpenAI's kind of service tells of a model; empty for an address that is of another kind."""
    parts = urlsplit(realtime.url)
    if not parts.path.rstrip("/").endswith(_PATH):
        return ""
    scheme = "https" if parts.scheme == "wss" else "http"
    folder = parts.path.rstrip("/").removesuffix(_PATH)
    return urlunsplit((scheme, parts.netloc, f"{folder}/v1/models/{quote(realtime.model, safe='')}", "", ""))


def open_session(realtime: Realtime, key: ApiKey | None) -> tuple[float, SessionEnded | None]:
    """Open a session as for a conversation, and close it: seconds, and why it did not come to be. Costs nothing."""
    return asyncio.run(_open_session(realtime, key))


async def _open_session(realtime: Realtime, key: ApiKey | None) -> tuple[float, SessionEnded | None]:
    began_s = time.monotonic()
    told: asyncio.Queue[Delivery] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        reveal = key.reveal if key else lambda: None
        link = Link(realtime, realtime.url, session_settings(realtime), reveal, tasks, told.put_nowait)
        link.open(1)
        try:
            while True:
                delivery = await told.get()
                if isinstance(delivery, SessionReady | SessionEnded):
                    ended = delivery if isinstance(delivery, SessionEnded) else None
                    return time.monotonic() - began_s, ended
        finally:
            link.stop()


def synchronised() -> bool | None:
    """Whether systemd says that the clock follows the network's; None if it says nothing."""
    told = properties(ask(["timedatectl", "show", "--property=NTPSynchronized"])).get("NTPSynchronized")
    return None if told is None else told == "yes"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key is for one server."""

    def redirect_request(self, *_arguments: object, **_more: object) -> None:
        return None


def _context(*, trusting: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trusting:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _model_answer(status: int, body: IO[bytes]) -> ModelAnswer:
    try:
        said = json.loads(body.read(MAX_BYTES))
    except (ValueError, RecursionError, OSError, HTTPException):
        return ModelAnswer(status, "", is_json=False)
    error = said.get("error") if isinstance(said, dict) else None
    codes = [error.get(name) for name in ("code", "type")] if isinstance(error, dict) else []
    return ModelAnswer(
        status, next((code for code in codes if isinstance(code, str)), ""), is_json=isinstance(said, dict)
    )


def _skew(date: str | None) -> float | None:
    with contextlib.suppress(ValueError, TypeError):
        if date:
            return local_now().timestamp() - parsedate_to_datetime(date).timestamp()
    return None
