"""The store of many relays: Redis. The one importer of `redis`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import ROUND_UP, Decimal
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from speakerd.relay import scripts
from speakerd.relay.store import LEASE_S, Admission, Lease, Receipt, Spent, StoreAwayError
from speakerd.relay.tokens import Token, dump, parse

PREFIX = "speakerd:{relay}:"
"""In braces what a Redis cluster places keys by: ours stay together."""

ANSWER_S = 1.5
"""Time that Redis may take; then it counts as away."""
RECEIPT_KEPT_S = 86_400
DAY_KEPT_S = 3 * 86_400
MONTH_KEPT_S = 40 * 86_400
BILLIONTHS = Decimal(10) ** 9


class RedisStore:
    """Owned by the loop. Connections are made when they are needed, and again after they broke."""

    def __init__(self, url: str, password: str | None = None) -> None:
        """`url`: redis://, rediss:// or unix://; nothing is connected yet. Raises ValueError for another."""
        options: dict[str, Any] = {"password": password} if password else {}
        # Its answers are typed differently from version to version.
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=ANSWER_S,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
            **options,
        )
        self._lease_ms = round(LEASE_S * 1000)
        self._by_digest, self._by_name = f"{PREFIX}tokens", f"{PREFIX}names"
        self._admit, self._renew, self._spend, self._add, self._revoke = (
            self._redis.register_script(script)
            for script in (scripts.ADMIT, scripts.RENEW, scripts.SPEND, scripts.ADD, scripts.REVOKE)
        )

    async def find(self, digest: str) -> Token | None:
        """See `Store`."""
        async with _asking():
            text = await self._redis.hget(self._by_digest, digest)
        return _token(text)

    async def tokens(self) -> list[Token]:
        """See `Store`."""
        async with _asking():
            texts = await self._redis.hvals(self._by_digest)
        found = [token for text in texts if (token := _token(text)) is not None]
        return sorted(found, key=lambda token: (token.name, token.created))

    async def add(self, token: Token) -> bool:
        """See `Store`."""
        async with _asking():
            return bool(await self._add([self._by_digest, self._by_name], [token.name, token.digest, dump(token)]))

    async def revoke(self, name: str) -> bool:
        """See `Store`."""
        async with _asking():
            digest = await self._redis.hget(self._by_name, name)
        token = await self.find(digest) if digest else None
        if token is None:
            return False
        revoked = dump(replace(token, revoked=True))
        async with _asking():
            return bool(await self._revoke([self._by_digest, self._by_name], [name, token.digest, revoked]))

    async def admit(self, lease: Lease) -> Admission:
        """See `Store`."""
        keys = [_sessions(lease.name), f"{PREFIX}rate:{lease.name}"]
        async with _asking():
            answer = await self._admit(keys, [lease.session, lease.max_sessions, lease.per_minute, self._lease_ms])
        return Admission(answer)

    async def renew(self, leases: Collection[Lease]) -> set[str]:
        """See `Store`."""
        by_name: defaultdict[str, list[str]] = defaultdict(list)
        for lease in leases:
            by_name[lease.name].append(lease.session)
        digests = sorted({lease.digest for lease in leases})
        if not digests:
            async with _asking():
                await self._redis.ping()
            return set()
        async with _asking():
            pipeline = self._redis.pipeline(transaction=False)
            for name, sessions in by_name.items():
                await self._renew([_sessions(name)], [self._lease_ms, *sessions], client=pipeline)
            pipeline.hmget(self._by_digest, digests)
            *_, texts = await pipeline.execute()
        # One that is missing is not revoked: a store that came back empty shall end no conversation.
        return {token.digest for text in texts if (token := _token(text)) is not None and token.revoked}

    async def release(self, lease: Lease) -> None:
        """See `Store`."""
        async with _asking():
            await self._redis.zrem(_sessions(lease.name), lease.session)

    async def spend(self, receipt: Receipt) -> None:
        """See `Store`."""
        billionths = (receipt.usd * BILLIONTHS).to_integral_value(ROUND_UP)
        keys = [f"{PREFIX}receipt:{receipt.number}", *_sums(receipt.name, receipt.day)]
        async with _asking():
            await self._spend(keys, [int(billionths), RECEIPT_KEPT_S, DAY_KEPT_S, MONTH_KEPT_S])

    async def spent(self, name: str, day: date) -> Spent:
        """See `Store`."""
        async with _asking():
            sums = await self._redis.mget(_sums(name, day))
        return Spent(*(Decimal(text or 0) / BILLIONTHS for text in sums))

    async def close(self) -> None:
        """See `Store`."""
        await self._redis.aclose()


@asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreAwayError(f"Redis: {type(error).__name__}: {error}") from error


def _token(text: str | None) -> Token | None:
    """Raises StoreAwayError for a record that is none: somebody else writes there."""
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise StoreAwayError("Redis holds a token that cannot be read") from error


def _sessions(name: str) -> str:
    return f"{PREFIX}sessions:{name}"


def _sums(name: str, day: date) -> list[str]:
    return [f"{PREFIX}spent:{name}:{period}" for period in (f"{day:%Y-%m-%d}", f"{day:%Y-%m}")]
