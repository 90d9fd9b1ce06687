"""What may be spent a day and a month: a warning once, then a refusal. Pure.

A day and a month are those of the user's clock when the response ended; summer time makes a day of 23 or 25 hours,
and no difference here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from speakerd.config.model import Purse
from speakerd.purse.entries import Entry


class Span(StrEnum):
    """What a limit is for."""

    DAY = "day"
    MONTH = "month"


class Grade(StrEnum):
    """How far a limit is reached."""

    WARNED = "warned"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class Limits:
    """US dollars; None for no limit."""

    per_day: Decimal | None = None
    per_month: Decimal | None = None
    warn_at_percent: int = 80

    @classmethod
    def from_section(cls, purse: Purse) -> Limits:
        """The limits that the configuration sets; 0 there is none here."""
        day, month = (Decimal(str(limit)) for limit in (purse.limit_per_day_usd, purse.limit_per_month_usd))
        return cls(day or None, month or None, purse.warn_at_percent)

    def of(self, span: Span) -> Decimal | None:
        """The limit for a day or a month."""
        return self.per_day if span is Span.DAY else self.per_month


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the user, given once for its day or month."""

    span: Span
    grade: Grade
    spent: Decimal
    limit: Decimal

    @property
    def mark(self) -> str:
        """How the ledger remembers that it was given."""
        return f"{self.grade} {self.span}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether another response may be asked for; if not, which limit is reached (of both, the month's)."""

    allowed: bool
    span: Span | None = None
    spent: Decimal = Decimal(0)
    limit: Decimal | None = None


class Budget:
    """Adds up what is spent. Owned by one thread."""

    def __init__(self, limits: Limits, entries: Iterable[Entry] = ()) -> None:
        """`entries` of the ledger, in any order: what was spent, and told, before."""
        self.limits = limits
        self._spent: dict[str, Decimal] = {}
        self._given: set[tuple[str, str]] = set()
        for entry in entries:
            self._add(entry.at.date(), entry.usd)
            if entry.notice:
                grade, _, span = entry.notice.partition(" ")
                self._given.add((f"{grade} {span}", _period(span, entry.at.date())))

    def spend(self, day: date, usd: Decimal) -> tuple[Notice, ...]:
        """Add what was spent on `day`; what the user should be told now, for the first time."""
        self._add(day, usd)
        notices = []
        for span in Span:
            notice = self._due(span, day)
            if notice is not None and (key := (notice.mark, _period(span, day))) not in self._given:
                self._given.add(key)
                notices.append(notice)
        return tuple(notices)

    def spent(self, span: Span, day: date) -> Decimal:
        """US dollars in the day, or the month, of `day`."""
        return self._spent.get(_period(span, day), Decimal(0))

    def verdict(self, day: date) -> Verdict:
        """Whether another response may be asked for on `day`."""
        for span in (Span.MONTH, Span.DAY):
            limit, spent = self.limits.of(span), self.spent(span, day)
            if limit is not None and spent >= limit:
                return Verdict(False, span, spent, limit)
        return Verdict(True)

    def _due(self, span: Span, day: date) -> Notice | None:
        limit, spent = self.limits.of(span), self.spent(span, day)
        if limit is None:
            return None
        if spent >= limit:
            return Notice(span, Grade.EXHAUSTED, spent, limit)
        if spent * 100 >= limit * self.limits.warn_at_percent:
            return Notice(span, Grade.WARNED, spent, limit)
        return None

    def _add(self, day: date, usd: Decimal) -> None:
        for span in Span:
            period = _period(span, day)
            self._spent[period] = self._spent.get(period, Decimal(0)) + usd


def _period(span: str, day: date) -> str:
    """`2026-11-22` or `2026-11`."""
    return day.isoformat() if span == Span.DAY else f"{day:%Y-%m}"
