"""One relayed session, as it is counted and told."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

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
