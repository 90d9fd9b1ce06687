"""What is asked for next."""

from __future__ import annotations

import pytest

from speakerd.hw.bargain import best_channels, best_format, best_rate, other_periods, usable_period


@pytest.mark.parametrize(
    ("wish", "rates", "best"),
    [
        (16_000, 44_100, 44_100),
        (16_000, (8_000, 96_000), 16_000),
        (16_000, (44_100, 192_000), 44_100),
        (48_000, (8_000, 32_000), 32_000),
        (16_000, [8_000, 22_050, 32_000], 32_000),
        (48_000, [8_000, 44_100], 44_100),
        (16_000, [], 16_000),
    ],
)
def test_rates(wish, rates, best):
    assert best_rate(wish, rates) == best


def test_channels():
    assert [best_channels(wish, (8, 2, 6)) for wish in (1, 2, 3, 8, 9)] == [2, 2, 6, 8, 8]
    assert best_channels(3, ()) == 3


def test_formats():
    assert best_format(["U8", "MU_LAW", "S32_LE"]) == "S32_LE"
    assert best_format(["MU_LAW"]) == ""


def test_periods():
    assert list(other_periods(320)) == [256, 512, 128, 1_024]
    assert [usable_period(frames, 320) for frames in (16, 79, 80, 1_280, 1_281)] == [False, False, True, True, False]
