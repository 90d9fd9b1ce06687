"""Bills on their way to the ledger and the store, and a store that is away meanwhile."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from speakerd.purse.budget import Limits, Span
from speakerd.purse.ledger import Ledger, read
from speakerd.purse.pricelist import load_prices
from speakerd.purse.usage import Tokens, Usage
from speakerd.relay.local import LocalStore
from speakerd.relay.store import Receipt, Spent, StoreAwayError
from speakerd.relay.till import Till, judge, put_on_disk

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
LIMITS = Limits(Decimal(1), Decimal(5))


class Moody(LocalStore):
    """A store that is away when told so, before or after it did what was asked."""

    away: str = ""

    async def spend(self, receipt: Receipt) -> None:
        if self.away == "before":
            raise StoreAwayError
        await super().spend(receipt)
        if self.away == "after":
            raise StoreAwayError


@pytest.fixture
def store(tmp_path: Path) -> Moody:
    return Moody(tmp_path / "relay", lambda: 0.0)


@pytest.fixture
def till(store: Moody, tmp_path: Path) -> Till:
    return Till(store, Ledger(tmp_path / "usage"), load_prices(), lambda: AT)


def usage(text_out: int, model: str = "gpt-realtime-2.1-mini", at: datetime = AT) -> Usage:
    """A million is 2.40 US dollars."""
    return Usage(model=model, at=at, tokens=Tokens(text_out=text_out))


async def test_a_bill_goes_to_the_ledger_at_once_and_to_the_store_when_flushed(
    till: Till, store: Moody, tmp_path: Path
) -> None:
    assert till.charge("kitchen", "s1", usage(1_000_000)) == Decimal("2.4")
    (entry,) = read(tmp_path / "usage").entries
    assert (entry.persona, entry.conversation, entry.usd, entry.responses) == ("kitchen", "s1", Decimal("2.4"), 1)
    assert till.waiting == Decimal("2.4")
    await till.flush()
    assert till.waiting == 0
    assert await store.spent("kitchen", AT.date()) == Spent(Decimal("2.4"), Decimal("2.4"))


async def test_a_local_store_begins_with_what_the_ledger_holds(till: Till, tmp_path: Path) -> None:
    till.charge("kitchen", "s1", usage(1_000_000))
    again = LocalStore(tmp_path / "relay", lambda: 0.0, read(tmp_path / "usage").entries)
    assert (await again.spent("kitchen", AT.date())).day == Decimal("2.4")


@pytest.mark.parametrize("mood", ["before", "after"])
async def test_what_a_store_that_is_away_could_not_take_counts_once_when_it_is_back(
    till: Till, store: Moody, mood: str
) -> None:
    store.away = mood
    for _ in range(3):
        till.charge("kitchen", "s1", usage(100_000))
        with pytest.raises(StoreAwayError):
            await till.flush()
    assert till.waiting == Decimal("0.72")
    store.away = ""
    await till.flush()
    assert till.waiting == 0
    assert (await store.spent("kitchen", AT.date())).day == Decimal("0.72")


async def test_what_waits_here_counts_against_the_budget(till: Till) -> None:
    assert (await till.verdict("kitchen", LIMITS)).allowed
    till.charge("kitchen", "s1", usage(1_000_000))
    verdict = await till.verdict("kitchen", LIMITS)
    assert (verdict.allowed, verdict.span) == (False, Span.DAY)
    assert (await till.verdict("bath", LIMITS)).allowed


async def test_yesterdays_bill_that_waits_is_of_the_month_alone(till: Till, store: Moody) -> None:
    store.away = "before"
    till.charge("kitchen", "s1", usage(1_000_000, at=AT.replace(day=22)))
    with pytest.raises(StoreAwayError):
        await till.flush()
    assert (await till.verdict("kitchen", LIMITS)).allowed
    assert not (await till.verdict("kitchen", Limits(None, Decimal(2)))).allowed
    store.away = ""
    await till.flush()
    assert (await till.verdict("kitchen", LIMITS)).allowed
    assert not (await till.verdict("kitchen", Limits(None, Decimal(2)))).allowed


async def test_without_limits_the_store_is_not_asked(till: Till, store: Moody) -> None:
    async def spent(_name: str, _day: date) -> Spent:
        raise AssertionError

    store.spent = spent  # type: ignore[method-assign]
    assert (await till.verdict("kitchen", Limits())).allowed


async def test_a_model_without_a_price_is_told_once_and_held_by_nothing(
    till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        assert till.charge("kitchen", "s1", usage(1_000_000, model="homemade")) == 0
    assert len(caplog.records) == 1
    assert till.waiting == 0


async def test_closing_hands_over_what_waits(till: Till, store: Moody, caplog: pytest.LogCaptureFixture) -> None:
    till.charge("kitchen", "s1", usage(1_000_000))
    await till.close()
    assert (await store.spent("kitchen", AT.date())).day == Decimal("2.4")
    assert not caplog.records
    store.away = "before"
    till.charge("kitchen", "s1", usage(1_000_000))
    await till.close()
    assert "2.4" in caplog.text


@pytest.mark.parametrize(
    ("spent", "span"),
    [(("0.99", "4.99"), None), (("1", "1"), Span.DAY), (("0", "5"), Span.MONTH), (("9", "9"), Span.MONTH)],
)
def test_the_limit_is_reached_at_the_limit(spent: tuple[str, str], span: Span | None) -> None:
    verdict = judge(LIMITS, Spent(*(Decimal(sum_usd) for sum_usd in spent)))
    assert (verdict.allowed, verdict.span) == (span is None, span)


def test_putting_on_the_disk_closes_the_descriptor(tmp_path: Path, till: Till) -> None:
    assert till.sync_copy() is None
    till.charge("kitchen", "s1", usage(1))
    descriptor = till.sync_copy()
    assert descriptor is not None
    put_on_disk(descriptor)
    with pytest.raises(OSError, match=r".+"):
        os.fstat(descriptor)
