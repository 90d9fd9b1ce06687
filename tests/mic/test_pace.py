"""When the next sound is due, of cards whose arrivals scatter, drift and fail."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.mic.pace import Pace

STEP = 1280
STEP_S = 0.08


def test_sound_is_due_at_once_before_the_first_came():
    assert Pace().due_s(STEP) < 1.0


def test_the_next_step_is_due_a_step_after_the_newest_frame():
    pace = Pace()
    pace.fetched(320, 99.9, 100.0)
    assert pace.due_s(STEP) == pytest.approx(100.08)


def test_one_who_fetches_late_does_not_take_the_sound_for_late():
    pace, rng = Pace(), np.random.default_rng(0)
    for step in range(1000):
        at_s = 100.0 + step * STEP_S + (0.0 if step == 0 else rng.uniform(0.0, 0.05))
        pace.fetched(STEP, at_s, at_s + 0.0001)  # it had been there
    assert pace.due_s(STEP) == pytest.approx(100.0 + 1000 * STEP_S, abs=0.001)


@pytest.mark.parametrize("ppm", [-300, 300])
def test_a_clock_that_is_slower_or_faster_is_followed(ppm):
    """For half an hour: it would be half a second off."""
    pace, step_s = Pace(), STEP_S * (1 + ppm / 1e6)
    for step in range(22_500):
        at_s = 100.0 + step * step_s
        due_s = pace.due_s(STEP)
        if step:
            assert -0.001 <= at_s - due_s < 0.005, "a reader who sleeps so long is hardly late, and not far too early"
        pace.fetched(STEP, min(at_s, due_s) - 0.005, at_s)


def test_sound_that_was_lost_is_caught_up_with():
    pace = Pace()
    pace.fetched(STEP, 99.0, 100.0)
    for step in range(300):
        at_s = 100.3 + step * STEP_S
        pace.fetched(STEP, at_s - 0.01, at_s)
    assert pace.due_s(STEP) == pytest.approx(100.3 + 300 * STEP_S, abs=0.001)
