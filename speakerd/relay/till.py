"""What sessions cost: priced, written into the ledger, handed to the store, held against the limits."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from speakerd.logfields import fields
from speakerd.purse.budget import Limits, Span, Verdict
from speakerd.purse.entries import Entry
from speakerd.purse.ledger import Ledger
from speakerd.purse.prices import Prices
from speakerd.purse.usage import Usage
from speakerd.relay.store import Receipt, Spent, Store, StoreAwayError

log = logging.getLogger(__name__)


class Till:
    """Owned by the loop. The ledger holds each bill; the store holds the sums, which other relays may share.

    What the store cannot take waits here, by token and day, so it is bounded; if this process dies before the store
    is back, the store never hears of it. The ledger does.
    """

    def __init__(self, store: Store, ledger: Ledger, prices: Prices, clock: Callable[[], datetime]) -> None:
        """`clock`: the time of day, with its zone."""
        self._store = store
        self._ledger = ledger
        self._prices = prices
        self._clock = clock
        self._fresh: dict[tuple[str, date], Decimal] = {}
        self._sent: dict[tuple[str, date], Receipt] = {}
        self._unpriced: set[str] = set()
        self._flushing = False

    def today(self) -> date:
        """By the clock on the wall."""
        return self._clock().date()

    def now(self) -> datetime:
        """The time of day."""
        return self._clock()

    def charge(self, name: str, session: str, usage: Usage) -> Decimal:
        """Book what a response or a transcription of the token `name` took; US dollars."""
        usd = self._prices.cost(usage)
        if usd is None and usage.model not in self._unpriced and len(self._unpriced) < 100:
            self._unpriced.add(usage.model)
            log.warning(
                "A model has no known price, so no budget holds it: give it in the file of purse.prices.",
                extra=fields(event="PriceUnknown", model=usage.model or "(none)"),
            )
        self._ledger.append(
            Entry(
                at=usage.at,
                conversation=session,
                persona=name,
                model=usage.model,
                responses=int(not usage.is_transcription),
                transcriptions=int(usage.is_transcription),
                unpriced=int(usd is None),
                usd=usd or Decimal(0),
                heard_ms=usage.heard_ms,
                tokens=usage.tokens,
            )
        )
        if usd:
            key = (name, usage.at.date())
            self._fresh[key] = self._fresh.get(key, Decimal(0)) + usd
        return usd or Decimal(0)

    @property
    def waiting(self) -> Decimal:
        """US dollars that the store does not know of yet."""
        return sum(self._fresh.values(), Decimal(0)) + sum((one.usd for one in self._sent.values()), Decimal(0))

    async def flush(self) -> None:
        """Hand what waits to the store. Raises StoreAwayError; nothing is lost then, nor counted twice later."""
        if self._flushing:
            return
        self._flushing = True
        try:
            while self._sent or self._fresh:
                if not self._sent:
                    key, usd = next(iter(self._fresh.items()))
                    del self._fresh[key]
                    self._sent[key] = Receipt(secrets.token_hex(16), *key, usd)
                key, receipt = next(iter(self._sent.items()))
                await self._store.spend(receipt)
                del self._sent[key]
        finally:
            self._flushing = False

    async def verdict(self, name: str, limits: Limits) -> Verdict:
        """Whether the token may go on, with what waits here counted in. Raises StoreAwayError."""
        if limits.per_day is None and limits.per_month is None:
            return Verdict(allowed=True)
        today = self.today()
        spent = await self._store.spent(name, today)
        here = [(day, usd) for (one, day), usd in self._waiting().items() if one == name]
        by_span = {
            Span.DAY: spent.day + sum((usd for day, usd in here if day == today), Decimal(0)),
            Span.MONTH: spent.month + sum((usd for day, usd in here if _same_month(day, today)), Decimal(0)),
        }
        return judge(limits, Spent(by_span[Span.DAY], by_span[Span.MONTH]))

    def sync_copy(self) -> int | None:
        """A descriptor of the ledger that another thread may sync and must close."""
        return self._ledger.sync_copy()

    async def close(self) -> None:
        """Hand over what waits, if the store is there, and put the ledger on the disk."""
        with contextlib.suppress(StoreAwayError):
            await self.flush()
        if self.waiting:
            log.error(
                "The store was away to the end: %s US dollars are in the ledger alone.",
                self.waiting,
                extra=fields(event="StoreLost", waiting_usd=self.waiting),
            )
        self._ledger.close()

    def _waiting(self) -> dict[tuple[str, date], Decimal]:
        both = dict(self._fresh)
        for key, receipt in self._sent.items():
            both[key] = both.get(key, Decimal(0)) + receipt.usd
        return both


def judge(limits: Limits, spent: Spent) -> Verdict:
    """Whether another response may be asked for."""
    for span, sum_usd in ((Span.MONTH, spent.month), (Span.DAY, spent.day)):
        limit = limits.of(span)
        if limit is not None and sum_usd >= limit:
            return Verdict(allowed=False, span=span, spent=sum_usd, limit=limit)
    return Verdict(allowed=True)


def put_on_disk(descriptor: int) -> None:
    """Sync and close; may take a second. For a thread."""
    try:
        with contextlib.suppress(OSError):  # told by the next write
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _same_month(one: date, other: date) -> bool:
    return (one.year, one.month) == (other.year, other.month)
