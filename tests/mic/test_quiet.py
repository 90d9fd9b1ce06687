"""When the wake models may rest."""

from __future__ import annotations

import numpy as np

from speakerd.mic.quiet import REST_AFTER_FRAMES, QuietRoom
from speakerd.pcm import NEAR_PERIOD_FRAMES, level_dbfs


def levels(rms: float, frames: int, seed: int = 0) -> list[float]:
    noise = np.random.default_rng(seed).normal(0, rms, frames * NEAR_PERIOD_FRAMES).astype(np.int16)
    return [level_dbfs(frame) for frame in noise.reshape(-1, NEAR_PERIOD_FRAMES)]


def test_steady_noise_is_quiet_after_two_seconds():
    room = QuietRoom()
    told = [room.feed(level, voiced=False) for level in levels(100, 500)]
    assert not any(told[:REST_AFTER_FRAMES])
    assert all(told[REST_AFTER_FRAMES + 5 :])


def test_a_voice_ends_the_quiet_at_once():
    room = QuietRoom()
    for level in levels(100, 300):
        room.feed(level, voiced=False)
    assert not room.feed(-50.0, voiced=True)
    assert not room.feed(-50.0, voiced=False)


def test_any_rise_of_the_level_ends_the_quiet_whatever_it_is():
    room = QuietRoom()
    for level in levels(100, 300):
        room.feed(level, voiced=False)
    assert not room.feed(level_dbfs(np.full(320, 150, np.int16)), voiced=False)


def test_a_fan_that_starts_becomes_part_of_the_quiet():
    room = QuietRoom()
    for level in levels(30, 300):
        room.feed(level, voiced=False)
    told = [room.feed(level, voiced=False) for level in levels(300, 2500, seed=1)]
    assert not any(told[:500])
    assert told[-1]


def test_digital_silence_is_quiet_and_faint_hiss_after_it_too():
    room = QuietRoom()
    told = [room.feed(-120.0, voiced=False) for _ in range(200)]
    assert told[-1]
    assert all(room.feed(level, voiced=False) for level in levels(4, 100))
