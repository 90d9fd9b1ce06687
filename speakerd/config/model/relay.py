"""The relay: who may come in, and how much of everything. Where it leads to is the section `realtime`."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from speakerd.config.model.section import Name, Section

STORES = ("redis", "rediss", "unix")


class Relay(Section):
    """The relay (`speakerd relay`): speakers and browsers connect to it with tokens, it alone holds the key."""

    host: Name = "127.0.0.1"
    """Address to listen on: 127.0.0.1 for this machine alone, 0.0.0.0 or :: for the network. systemd's socket wins."""
    port: int = Field(8_790, ge=0, le=65_535)
    """TCP port to listen on; 0 takes a free one."""
    certificate: str = Field("", max_length=200)
    """Path of the TLS certificate with its chain, PEM; empty for no TLS: then tokens can be read on the network."""
    private_key: str = Field("", max_length=200)
    """Path of the certificate's private key, PEM."""
    state: Name = "local"
    """`local`: files in the state directory; `redis://HOST/0`, `rediss://…` or `unix://…` for what several share."""
    max_connections: int = Field(1_000, ge=1, le=100_000)
    """Connections at a time, those included that have not said yet what they want."""
    max_sessions: int = Field(200, ge=1, le=100_000)
    """Sessions at a time in this process; further ones are refused (HTTP 503)."""
    sessions_per_token: int = Field(4, ge=1, le=10_000)
    """Sessions at a time of one token, unless the token says otherwise (HTTP 429)."""
    starts_per_minute: int = Field(30, ge=0, le=100_000)
    """Sessions that one token may begin in a minute; 0 for no limit (HTTP 429)."""
    failures_per_minute: int = Field(20, ge=0, le=100_000)
    """Wrong tokens from one address in a minute until none is looked up for it; 0 for no limit, behind a balancer."""
    limit_per_day_usd: float = Field(0.0, ge=0.0, le=100_000.0)
    """What a token may spend in a day, US dollars, unless the token says otherwise; 0 for no limit."""
    limit_per_month_usd: float = Field(0.0, ge=0.0, le=100_000.0)
    """What a token may spend in a month, US dollars, unless the token says otherwise; 0 for no limit."""
    max_frame_kib: int = Field(2_048, ge=64, le=32_768)
    """Largest piece of a message, KiB: so much memory may each direction of a session take, a few times over."""
    max_message_kib: int = Field(21_504, ge=64, le=1_048_576)
    """Largest message, KiB; it may come in many pieces, and is passed on piece by piece."""
    pace_kib: int = Field(1_024, ge=64, le=1_048_576)
    """What a client may send in a second, KiB, before it is made to wait; speech is 64."""
    stall_timeout_s: float = Field(30.0, ge=1.0, le=600.0)
    """Time that a peer may take to accept what is sent to it, seconds; then its session ends."""
    ping_interval_s: float = Field(20.0, gt=0.0, le=300.0)
    """Time between keep-alive pings, both ways, seconds."""
    ping_timeout_s: float = Field(20.0, gt=0.0, le=300.0)
    """Time that the answer to a ping may take, seconds; then the connection counts as lost."""
    metrics: Literal["loopback", "all", "off"] = "loopback"
    """Who may read `/metrics`: `loopback` for this machine, `all`, or `off`."""

    @field_validator("state")
    @classmethod
    def _is_local_or_redis(cls, state: str) -> str:
        if state == "local":
            return state
        try:
            parts = urlsplit(state)
            usable = parts.scheme in STORES and (parts.hostname or parts.scheme == "unix") and not parts.password
        except ValueError:
            usable = False
        if not usable or not state.isprintable() or " " in state:
            raise ValueError("local, or redis://HOST[:PORT][/DB] without a password (credential relay-redis-password)")
        return state

    @model_validator(mode="after")
    def _has_both_or_none(self) -> Relay:
        if bool(self.certificate) != bool(self.private_key):
            raise ValueError("certificate and private_key, both or neither")
        return self
