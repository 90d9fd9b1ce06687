"""Tokens: what a speaker shows at the door, and what is kept of it. Pure, but for the randomness of a new one.

A token has 256 random bits, so its plain SHA-256 is as good as any slow hash: there is no dictionary to try.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from speakerd.purse.budget import Limits

PREFIX = "spk-"
"""Makes a token known for what it is, also where it leaked to."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{20,200}")
_TEXTS = ("name", "digest", "created")
_LISTS = ("models", "voices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A speaker's, or a browser's; all but its secret."""

    name: str
    digest: str
    """SHA-256 of the secret, in hexadecimal digits."""
    created: str
    """Date and time, for people."""
    models: tuple[str, ...] = ()
    """Models that it may name, for talking and for writing down; none given: all."""
    voices: tuple[str, ...] = ()
    """Voices that it may ask for; none given: all."""
    per_day_usd: Decimal | None = None
    """None: the limit of the configuration; 0: no limit."""
    per_month_usd: Decimal | None = None
    max_sessions: int | None = None
    """None: the limit of the configuration."""
    revoked: bool = False

    def limits(self, usual: Limits) -> Limits:
        """What it may spend; `usual` for those without a limit of their own."""
        day = usual.per_day if self.per_day_usd is None else self.per_day_usd or None
        month = usual.per_month if self.per_month_usd is None else self.per_month_usd or None
        return Limits(day, month, usual.warn_at_percent)


def new_secret() -> str:
    """A token to hand out; its characters fit a header and a WebSocket subprotocol."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """What is kept of a secret; empty for what can be none."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest() if _SECRET.fullmatch(secret) else ""


def to_json(token: Token) -> dict[str, Any]:
    """A record without its empty fields; sums as text, exact."""
    content: dict[str, Any] = {name: getattr(token, name) for name in _TEXTS}
    content |= {name: list(getattr(token, name)) for name in _LISTS if getattr(token, name)}
    for name in ("per_day_usd", "per_month_usd"):
        if (usd := getattr(token, name)) is not None:
            content[name] = f"{usd:f}"
    if token.max_sessions is not None:
        content["max_sessions"] = token.max_sessions
    return content | ({"revoked": True} if token.revoked else {})


def from_json(content: Any) -> Token:  # noqa: ANN401 - whatever stood in the file
    """The token of a record. Raises ValueError for what is none."""
    try:
        day, month = (
            None if content.get(name) is None else Decimal(content[name]) for name in ("per_day_usd", "per_month_usd")
        )
        token = Token(
            name=content["name"],
            digest=content["digest"],
            created=content["created"],
            models=tuple(content.get("models", ())),
            voices=tuple(content.get("voices", ())),
            per_day_usd=day,
            per_month_usd=month,
            max_sessions=content.get("max_sessions"),
            revoked=content.get("revoked", False),
        )
        right = (
            all(isinstance(getattr(token, name), str) for name in _TEXTS)
            and NAME.fullmatch(token.name)
            and all(isinstance(one, str) for one in (*token.models, *token.voices))
            and all(usd is None or (usd.is_finite() and usd >= 0) for usd in (day, month))
            and (token.max_sessions is None or type(token.max_sessions) is int)
            and isinstance(token.revoked, bool)
        )
    except (KeyError, TypeError, AttributeError, InvalidOperation, ValueError) as error:
        raise ValueError(f"no token: {type(error).__name__}") from error
    if not right:
        raise ValueError("no token: a value is of another kind")
    return token


def dump(token: Token) -> str:
    """One line."""
    return json.dumps(to_json(token), separators=(",", ":"))


def parse(text: str | bytes) -> Token:
    """The token of a line. Raises ValueError."""
    return from_json(json.loads(text))
