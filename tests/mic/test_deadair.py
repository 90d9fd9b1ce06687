"""A microphone that gives one number for ever is dead."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.mic.deadair import FIRST_FRAMES, LAST_FRAMES, DeadAir

NOISE = np.array([0, 1, 0, 0], np.int16)


@pytest.mark.parametrize("level", [0, -1, 32_767])
def test_half_a_minute_of_one_number_is_an_alarm(level: int) -> None:
    air = DeadAir()
    second = np.full(16_000, level, np.int16)
    assert [air.feed(second) for _ in range(30)] == 29 * [False] + [True]
    assert air.dead


def test_the_least_noise_is_life() -> None:
    air = DeadAir()
    for _ in range(10):
        assert not air.feed(np.zeros(FIRST_FRAMES - 1, np.int16))
        assert not air.feed(NOISE)
        assert not air.dead


def test_no_sound_at_all_is_no_sign_of_death() -> None:
    air = DeadAir()
    assert not any(air.feed(np.zeros(0, np.int16)) for _ in range(100))


def test_each_alarm_takes_twice_as_long_as_the_one_before_up_to_an_hour() -> None:
    air = DeadAir()
    second = np.zeros(16_000, np.int16)
    waits, waited = [], 0
    while len(waits) < 9:
        waited += 1
        if air.feed(second):
            waits.append(waited)
            waited = 0
            air.feed(NOISE)
    assert waits == [30, 60, 120, 240, 480, 960, 1_920, LAST_FRAMES // 16_000, LAST_FRAMES // 16_000]
