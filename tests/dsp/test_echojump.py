"""Echoes that stay where they were, that jump, and people who speak over them."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.dsp.echojump import EchoJump

FRAME, RATE_HZ = 320, 16_000
SECONDS = 3


def talk(seed: int) -> np.ndarray:
    """Coloured noise in syllables."""
    rng = np.random.default_rng(seed)
    x = np.convolve(rng.standard_normal(SECONDS * RATE_HZ), 0.8 ** np.arange(40))[: SECONDS * RATE_HZ]
    return 4_000 * x * np.repeat(rng.uniform(0, 1, SECONDS * 6) ** 2, RATE_HZ // 6 + 1)[: x.size]


def echo_of(far: np.ndarray, delay_ms: float) -> np.ndarray:
    """Later, quieter, and with a room's tail."""
    rng = np.random.default_rng(9)
    ring = rng.standard_normal(2_400) * np.exp(-np.arange(2_400) / 350) * 0.05
    ring[0] = 1.0
    return 0.3 * np.convolve(far, np.concatenate([np.zeros(round(delay_ms * 16)), ring]))[: far.size]


def jumped(near: np.ndarray, far: np.ndarray, known_ms: float) -> bool:
    jump = EchoJump()
    for start in range(0, far.size // FRAME * FRAME, FRAME):
        here = slice(start, start + FRAME)
        jump.feed(near[here].astype(np.int16), far[here].astype(np.int16))
    return jump.jumped(known_ms)


@pytest.mark.parametrize("delay_ms", [10.0, 80.0, 300.0])
def test_an_echo_where_it_was_has_not_jumped(delay_ms: float):
    far = talk(1)
    assert not jumped(echo_of(far, delay_ms), far, delay_ms)


@pytest.mark.parametrize(("known_ms", "delay_ms"), [(80.0, 20.0), (80.0, 140.0), (20.0, 400.0), (300.0, 240.0)])
def test_an_echo_elsewhere_has(known_ms: float, delay_ms: float):
    far = talk(1)
    assert jumped(echo_of(far, delay_ms), far, known_ms)


@pytest.mark.parametrize("ser_db", [-10.0, 0.0, 10.0])
def test_a_person_over_the_echo_is_no_jump(ser_db: float):
    far = talk(1)
    echo, person = echo_of(far, 80.0), talk(2)
    person *= np.linalg.norm(echo) / np.linalg.norm(person) * 10 ** (ser_db / 20)
    assert not jumped(echo + person, far, 80.0)


@pytest.mark.parametrize("ser_db", [0.0, 10.0])
def test_a_person_over_an_echo_that_jumped_is_a_person(ser_db: float):
    far = talk(1)
    echo, person = echo_of(far, 20.0), talk(2)
    person *= np.linalg.norm(echo) / np.linalg.norm(person) * 10 ** (ser_db / 20)
    assert not jumped(echo + person, far, 80.0)


def test_a_person_without_any_echo_is_no_jump():
    assert not jumped(talk(2), talk(1), 80.0)


def test_silence_is_no_jump():
    assert not jumped(np.zeros(SECONDS * RATE_HZ), np.zeros(SECONDS * RATE_HZ), 80.0)


def test_too_little_sound_tells_nothing():
    far = talk(1)[: RATE_HZ // 2]
    assert not jumped(echo_of(far, 20.0), far, 80.0)
