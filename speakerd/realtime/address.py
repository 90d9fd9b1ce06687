"""Where to connect and what to show at the door. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from speakerd.config.model import Realtime

SHORTEST_SECRET = 8
"""Characters of a key that is hidden. A shorter one, such as `x` or `none` for a server of one's own, is no secret, and
is found in the midst of all that a server says, sound among it."""
MODEL_KEYS = ("model", "deployment")
"""Of a URL's query."""
AZURE_DOMAINS = (".azure.com", ".azure.us", ".azure.cn", ".azure-api.net")


@dataclass(frozen=True, slots=True)
class Dial:
    """All that connecting needs."""

    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    connect_s: float
    ping_s: float
    ping_timeout_s: float
    network_s: float
    """Longest time that what we send may stay without the peer's receipt."""
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def hide(self, text: str) -> str:
        """Any text without our secrets: a server may repeat them in what it says, and that may be logged."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    @classmethod
    def of(cls, realtime: Realtime, url: str, key: str | None, tokens: tuple[str, ...] = ()) -> Dial:
        """`url` is complete, with its model; `tokens` are told to the server later."""
        return cls(
            url,
            headers(realtime, url, key),
            realtime.connect_timeout_s,
            realtime.ping_interval_s,
            realtime.ping_timeout_s,
            realtime.network_timeout_s,
            tuple(secret for secret in (key, *tokens) if secret and len(secret) >= SHORTEST_SECRET),
        )


def with_model(url: str, model: str) -> str:
    """`url` with `?model=`, unless it names a model already."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if not any(key in MODEL_KEYS for key, _ in query):
        query.append(("model", model))
    return urlunsplit(parts._replace(query=urlencode(query)))


def asked_model(url: str, model: str) -> str:
    """The model that `with_model` asks for: the one that `url` names, else `model`."""
    named = [value for key, value in parse_qsl(urlsplit(url).query) if key in MODEL_KEYS]
    return named[0] if named else model


def headers(realtime: Realtime, url: str, key: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of the configuration and, where nobody can read along, the key."""
    lines = (line.partition(":") for line in realtime.headers.splitlines())
    extra = tuple((name.strip(), value.strip()) for name, _, value in lines)
    if not key or not is_private(url):
        return extra
    match realtime.auth if realtime.auth != "auto" else usual_auth(url):
        case "api-key":
            return (*extra, ("api-key", key))
        case "bearer":
            return (*extra, ("Authorization", f"Bearer {key}"))
    return extra


def usual_auth(url: str) -> str:
    """How the service at `url` wants the key."""
    return "api-key" if (urlsplit(url).hostname or "").endswith(AZURE_DOMAINS) else "bearer"


def is_private(url: str) -> bool:
    """True if nobody on the network can read along: TLS, or this machine. Only then the key is sent."""
    return urlsplit(url).scheme == "wss" or is_this_machine(url)


def is_this_machine(url: str) -> bool:
    """True if `url` leads to a loopback address."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
