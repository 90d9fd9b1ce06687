"""Paces and counts in a minute."""

from __future__ import annotations

import random

from speakerd.relay.limits import Pace, PerMinute


def test_what_has_gathered_may_be_taken_at_once_then_one_waits() -> None:
    pace = Pace(100.0, 400.0)
    assert pace.take(400, 10.0) == 0.0
    assert pace.take(50, 10.0) == 0.5
    assert pace.take(50, 10.5) == 0.5
    assert pace.take(0, 100.0) == 0.0
    assert pace.take(401, 100.0) == 0.01


def test_over_time_nobody_gets_more_than_the_pace() -> None:
    pace, dice, now_s, taken = Pace(1000.0, 4000.0), random.Random(1), 5.0, 0
    while now_s < 105.0:
        size = dice.randrange(3000)
        taken += size
        now_s += pace.take(size, now_s)
    assert 100_000 <= taken <= 100_000 + 4000 + 3000


def test_so_many_a_minute_and_again_a_minute_later() -> None:
    starts = PerMinute(3)
    assert [starts.take("a", 100.0) for _ in range(4)] == [True, True, True, False]
    assert starts.spent("a", 100.0)
    assert not starts.spent("b", 100.0)
    assert starts.take("b", 100.0)
    assert not starts.take("a", 119.0)
    assert starts.take("a", 121.0)
    assert not starts.take("a", 121.0)
    assert [starts.take("a", 300.0) for _ in range(4)] == [True, True, True, False]


def test_no_limit() -> None:
    starts = PerMinute(0)
    assert all(starts.take("a", 1.0) for _ in range(1000))
    assert not starts.spent("a", 1.0)


def test_names_are_bounded() -> None:
    starts = PerMinute(1, names=3)
    for name in "abcd":
        assert starts.take(name, 1.0)
    assert not starts.spent("a", 1.0), "forgotten"
    assert starts.spent("b", 1.0)
