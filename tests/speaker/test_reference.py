"""What the loudspeaker plays, and when."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.speaker.reference import Reference

RATE = 48_000


def block(level):
    return np.full(960, level, np.int16)


def test_level_is_that_of_the_loudest_block_in_the_window():
    reference = Reference()
    for index, level in enumerate([0, 0, 8192, 16384, 0, 0, 0, 0]):
        reference.push(block(level), 10.0 + index * 0.02, RATE)
    assert reference.level_dbfs(10.16) == pytest.approx(-6.02, abs=0.01)
    assert reference.level_dbfs(10.06) == pytest.approx(-12.04, abs=0.01)
    assert reference.level_dbfs(10.04) == -120
    assert reference.level_dbfs(10.16, window_ms=70) == -120
    assert reference.level_dbfs(10.16, window_ms=90) == pytest.approx(-6.02, abs=0.01)
    assert reference.level_dbfs(10.5) == -120


def test_what_is_still_in_the_card_does_not_count():
    reference = Reference()
    reference.push(block(16384), 10.08, RATE)
    assert reference.level_dbfs(10.07) == -120
    assert reference.level_dbfs(10.09) > -7


def test_what_was_dropped_never_sounds():
    reference = Reference()
    for index in range(4):
        reference.push(block(16384), 10.0 + index * 0.02, RATE)
    reference.drop(10.03)
    assert reference.level_dbfs(10.04) > -7
    assert reference.level_dbfs(10.2, window_ms=100) == -120


def test_empty_is_silent_and_it_does_not_grow():
    reference = Reference()
    assert reference.level_dbfs(1.0) == -120
    for index in range(1000):
        reference.push(block(1), index * 0.02, RATE)
    assert len(reference._blocks) <= 102
