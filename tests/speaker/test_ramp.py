"""Gains that turn without a step."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.speaker.ramp import LEAST_FADE_FRAMES, fade_frames, faded, raised_cosine


@pytest.mark.parametrize(("rate_hz", "frames"), [(8_000, 160), (16_000, 160), (44_100, 441), (48_000, 480)])
def test_a_fade_lasts_ten_milliseconds_where_that_is_long_enough(rate_hz, frames):
    assert fade_frames(rate_hz) == frames


def test_no_step_of_the_shortest_fade_is_above_minus_40_db():
    gains = np.concatenate([[1.0], raised_cosine(LEAST_FADE_FRAMES, 1.0, 0.0), [0.0]])
    assert 0.009 < np.max(np.abs(np.diff(gains))) < 0.01
    assert np.all(np.diff(gains) <= 0)


def test_up_is_down_turned_round():
    assert np.allclose(raised_cosine(100, 0.2, 1.0), raised_cosine(100, 1.0, 0.2)[::-1])


def test_samples_are_scaled_by_it():
    sound = np.full(160, -32_768, np.int16)
    out = faded(sound, 1.0, 0.0)
    assert out.dtype == np.int16
    assert (out[0], out[-1]) == (-32_767, -1)
