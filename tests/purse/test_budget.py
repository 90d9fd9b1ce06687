"""Limits over days, months, restarts and summer time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerd.config.model import Purse
from speakerd.purse.budget import Budget, Grade, Limits, Span
from speakerd.purse.entries import Entry

D = Decimal
DAY = date(2026, 11, 22)
BERLIN = ZoneInfo("Europe/Berlin")


def marks(notices):
    return [notice.mark for notice in notices]


def test_it_warns_once_and_refuses_at_the_limit():
    budget = Budget(Limits(per_day=D(1)))
    assert budget.spend(DAY, D("0.79")) == ()
    assert budget.verdict(DAY).allowed
    (notice,) = budget.spend(DAY, D("0.01"))
    assert (notice.span, notice.grade, notice.spent, notice.limit) == (Span.DAY, Grade.WARNED, D("0.80"), D(1))
    assert budget.spend(DAY, D("0.19")) == ()
    assert budget.verdict(DAY).allowed
    assert marks(budget.spend(DAY, D("0.01"))) == ["exhausted day"]
    verdict = budget.verdict(DAY)
    assert (verdict.allowed, verdict.span, verdict.spent, verdict.limit) == (False, Span.DAY, D("1.00"), D(1))
    assert budget.spend(DAY, D(5)) == ()


def test_limits_from_the_configuration():
    assert Limits.from_section(Purse()) == Limits()
    section = Purse(limit_per_day_usd=0.1, limit_per_month_usd=2.5, warn_at_percent=50)
    assert Limits.from_section(section) == Limits(D("0.1"), D("2.5"), 50)


def test_a_leap_over_the_warning_is_no_warning():
    assert marks(Budget(Limits(per_day=D(1))).spend(DAY, D(3))) == ["exhausted day"]


def test_day_and_month_may_be_reached_at_once_and_the_month_is_named():
    budget = Budget(Limits(per_day=D(1), per_month=D(1)))
    assert marks(budget.spend(DAY, D(1))) == ["exhausted day", "exhausted month"]
    assert budget.verdict(DAY).span is Span.MONTH


def test_tomorrow_is_another_day_but_not_another_month():
    budget = Budget(Limits(per_day=D(1), per_month=D("2.5")))
    for offset, allowed in ((0, True), (1, True), (2, False)):
        day = DAY + timedelta(days=offset)
        assert budget.verdict(day).allowed
        budget.spend(day, D(1))
        assert not budget.verdict(day).allowed
        assert budget.verdict(day + timedelta(days=1)).allowed is allowed
    assert budget.spent(Span.MONTH, DAY) == 3
    assert budget.verdict(date(2026, 12, 1)).allowed
    assert marks(budget.spend(date(2026, 12, 1), D("0.9"))) == ["warned day"]


def test_without_limits_nothing_is_said():
    budget = Budget(Limits())
    assert budget.spend(DAY, D(10**6)) == ()
    assert budget.verdict(DAY).allowed


def test_a_limit_of_nothing_refuses_at_once():
    assert not Budget(Limits(per_month=D(0))).verdict(DAY).allowed


@pytest.mark.parametrize("percent", [1, 50, 100])
def test_the_share_at_which_it_warns(percent):
    budget = Budget(Limits(per_day=D(100), warn_at_percent=percent))
    assert marks(budget.spend(DAY, D(percent) - D("0.01"))) == []
    assert marks(budget.spend(DAY, D("0.01"))) == (["warned day"] if percent < 100 else ["exhausted day"])


def at(*when, fold=0):
    return datetime(*when, tzinfo=BERLIN, fold=fold)


def test_a_day_is_that_of_the_users_clock_through_summer_time():
    """On 25 October 2026 Berlin's clocks show 2:30 twice; on 29 March never."""
    budget = Budget(Limits(per_day=D(10)))
    first = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)  # midnight in Berlin
    for quarter in range(25 * 4):
        budget.spend((first + timedelta(minutes=15 * quarter)).astimezone(BERLIN).date(), D("0.1"))
    assert budget.spent(Span.DAY, date(2026, 10, 25)) == D("10.0")
    assert not budget.verdict(at(2026, 10, 25, 2, 30, fold=1).date()).allowed
    assert budget.verdict(at(2026, 10, 26, 0, 0).date()).allowed
    spring = Budget(Limits(per_day=D(10)))
    first = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    for quarter in range(23 * 4):
        spring.spend((first + timedelta(minutes=15 * quarter)).astimezone(BERLIN).date(), D("0.1"))
    assert spring.spent(Span.DAY, date(2026, 3, 29)) == D("9.2")
    assert spring.spent(Span.DAY, date(2026, 3, 30)) == 0


def test_a_clock_that_was_wrong_and_jumps_counts_on_where_it_stood():
    budget = Budget(Limits(per_day=D(1)))
    budget.spend(DAY, D("0.9"))
    budget.spend(date(1970, 1, 1), D("0.9"))
    assert marks(budget.spend(DAY, D("0.1"))) == ["exhausted day"]


AMOUNTS = st.lists(st.tuples(st.integers(0, 70), st.decimals(0, 1, places=4)), max_size=30)


@given(AMOUNTS, st.integers(0, 30))
def test_a_restart_changes_nothing(amounts, restart):
    """Each notice comes once, whenever the daemon is started anew from its ledger."""
    limits = Limits(per_day=D("0.7"), per_month=D(3))
    steady, told, ledger = Budget(limits), [], []
    budget, told_with_restart = Budget(limits), []
    for number, (offset, usd) in enumerate(amounts):
        when = datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(days=offset)
        if number == restart:
            budget = Budget(limits, ledger)
        told += steady.spend(when.date(), usd)
        ledger.append(Entry(at=when, usd=usd))
        given_now = budget.spend(when.date(), usd)
        ledger += [Entry(at=when, notice=notice.mark) for notice in given_now]
        told_with_restart += given_now
        assert budget.verdict(when.date()) == steady.verdict(when.date())
    assert told_with_restart == told
