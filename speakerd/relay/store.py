"""What the relay keeps: tokens, sums, sessions, rates. The port, behind which is a folder or Redis."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from speakerd.relay.tokens import Token

LEASE_S = 30.0
"""A session counts so long after it was last renewed: those of a relay that died are free again then."""


class StoreAwayError(Exception):
    """The store cannot be asked now. Whoever is in stays in; nobody else comes in."""


class Admission(StrEnum):
    """Whether a session may begin."""

    GRANTED = "granted"
    TOO_MANY = "too many sessions"
    TOO_OFTEN = "too often"


@dataclass(frozen=True, slots=True)
class Lease:
    """A session's place among those of its token."""

    session: str
    """Unique among all relays."""
    name: str
    digest: str
    max_sessions: int
    per_minute: int
    """Sessions that the token may begin in a minute; 0 for no limit."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A sum that was spent. It is counted once, however often it is handed in."""

    number: str
    """Unique among all relays."""
    name: str
    day: date
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Spent:
    """US dollars, of one token."""

    day: Decimal = Decimal(0)
    month: Decimal = Decimal(0)


class Store(Protocol):
    """Every method may raise StoreAwayError, and then may have been done or not; all can be repeated."""

    async def find(self, digest: str) -> Token | None:
        """The token with this digest, revoked or not."""

    async def tokens(self) -> list[Token]:
        """All, by name; also revoked ones."""

    async def add(self, token: Token) -> bool:
        """Keep a new token; False if one of that name is in use."""

    async def revoke(self, name: str) -> bool:
        """Let the token of that name in no more; False if there is none."""

    async def admit(self, lease: Lease) -> Admission:
        """Count a new session, if it may begin."""

    async def renew(self, leases: Collection[Lease]) -> set[str]:
        """Keep sessions alive, also such as the store has forgotten; the digests among them that were revoked."""

    async def release(self, lease: Lease) -> None:
        """The session is over."""

    async def spend(self, receipt: Receipt) -> None:
        """Add to what a token has spent."""

    async def spent(self, name: str, day: date) -> Spent:
        """What it has spent on `day`, and in its month."""

    async def close(self) -> None:
        """May be called twice."""
