"""How full the card is kept."""

from __future__ import annotations

import pytest

from speakerd.speaker.fill import CALM_PERIODS, FillTarget

PERIOD = 960


def test_two_periods_while_nothing_goes_wrong():
    fill = FillTarget(PERIOD, 4 * PERIOD)
    assert fill.room_frames(0) == 2 * PERIOD
    assert fill.room_frames(PERIOD) == PERIOD
    fill.wrote(0)
    assert fill.periods == 2


def test_each_underrun_costs_one_period_up_to_the_whole_buffer():
    fill = FillTarget(PERIOD, 4 * PERIOD + 500)
    seen = []
    for _ in range(4):
        fill.wrote(1)
        seen.append((fill.periods, fill.room_frames(0)))
    assert seen == [(3, 3 * PERIOD), (4, 4 * PERIOD + 500), (4, 4 * PERIOD + 500), (4, 4 * PERIOD + 500)]


def test_less_is_tried_again_after_calm_and_in_silence():
    fill = FillTarget(PERIOD, 4 * PERIOD)
    fill.wrote(1)
    for _ in range(CALM_PERIODS - 1):
        fill.wrote(0)
    fill.rested()
    assert fill.periods == 3
    fill.wrote(0)
    assert fill.periods == 3, "never amid sound"
    fill.rested()
    assert fill.periods == 2
    for _ in range(2 * CALM_PERIODS):
        fill.wrote(0)
    fill.rested()
    assert fill.periods == 2


@pytest.mark.parametrize(("buffer_frames", "periods"), [(PERIOD // 2, 1), (PERIOD, 1), (2 * PERIOD, 2)])
def test_a_small_card_is_used_whole(buffer_frames, periods):
    fill = FillTarget(PERIOD, buffer_frames)
    fill.wrote(1)
    assert fill.periods == periods
    assert fill.room_frames(0) == buffer_frames
