"""Percentiles in bounded memory."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerd.service.stats.spread import Spread


@given(st.lists(st.floats(0, 600_000), min_size=1, max_size=300), st.sampled_from([1, 50, 95, 100]))
def test_a_percentile_is_that_of_all_to_half_a_percent(figures, percent):
    spread = Spread()
    for figure in figures:
        spread.add(figure)
    exact = sorted(figures)[max(1, math.ceil(percent / 100 * len(figures))) - 1]
    assert spread.percentile(percent) == pytest.approx(exact, rel=0.0051)
    assert spread.count == len(figures)


def test_of_nothing_there_is_no_percentile():
    spread = Spread()
    spread.add(float("nan"))
    spread.add(float("inf"))
    assert spread.percentile(50) is None
    assert spread.count == 0


def test_a_million_figures_take_no_more_room_than_six_thousand():
    spread = Spread()
    for figure in range(100_000):
        spread.add(figure * 6.0)
    assert len(spread._counts) < 6 * 900
    assert spread.percentile(50) == pytest.approx(300_000, rel=0.005)
