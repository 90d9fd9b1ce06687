"""One relayed session, as it is counted and told, and the terms for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from speakerd.config.model import Relay
from speakerd.purse.budget import Limits
from speakerd.relay.policy import Rules
from speakerd.relay.store import Lease
from speakerd.relay.tokens import Token


@dataclass(slots=True, eq=False)
class Talk:
    """Owned by the loop."""

    token: Token
    lease: Lease
    limits: Limits
    rules: Rules
    address: str
    """Of the client."""
    began_s: float
    """CLOCK_MONOTONIC."""
    bytes_up: int = 0
    bytes_down: int = 0
    messages_up: int = 0
    messages_down: int = 0
    responses: int = 0
    open_responses: int = 0
    """Begun and not billed yet."""
    to_be_checked: bool = False
    """What it spent is not held against its budget yet."""
    transcriber: str = ""
    usd: Decimal = field(default_factory=Decimal)
    ended_by: str = ""
    """`client`, `service`, `relay`; empty while it runs."""
    code: int = 0
    """Of the close frame that came first."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """For those whose token does not say otherwise."""

    sessions: int
    starts_per_minute: int
    limits: Limits

    @classmethod
    def of(cls, relay: Relay) -> Terms:
        """What the configuration says; a limit of 0 is none."""
        day, month = (Decimal(str(usd)) or None for usd in (relay.limit_per_day_usd, relay.limit_per_month_usd))
        return cls(relay.sessions_per_token, relay.starts_per_minute, Limits(day, month))
