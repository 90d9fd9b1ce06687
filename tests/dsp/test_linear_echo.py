"""The linear echo canceller: takes out what the loudspeaker explains, leaves what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.dsp.linear_echo import PARTITIONS, LinearEcho
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ

SECONDS = 4


def as_frames(x: np.ndarray) -> np.ndarray:
    """(frames, 320) int16 of floats ±1."""
    whole = len(x) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES
    return np.clip(np.round(x[:whole] * 32767), -32768, 32767).astype(np.int16).reshape(-1, NEAR_PERIOD_FRAMES)


def talk(seed: int) -> np.ndarray:
    """Noise in syllables, coloured like a voice."""
    rng = np.random.default_rng(seed)
    x = np.convolve(rng.standard_normal(SECONDS * NEAR_RATE_HZ), 0.8 ** np.arange(40))[: SECONDS * NEAR_RATE_HZ]
    syllables = np.repeat(rng.uniform(0, 1, SECONDS * 6) ** 2, NEAR_RATE_HZ // 6 + 1)[: len(x)]
    return 0.06 * x * syllables


def echo_of(far: np.ndarray, delay_ms: int, seed: int = 9) -> np.ndarray:
    """Through a room that dies away in 150 ms."""
    rng = np.random.default_rng(seed)
    ring = rng.standard_normal(2400) * np.exp(-np.arange(2400) / 350) * 0.15
    ring[0] = 1.0
    return np.convolve(far, np.concatenate([np.zeros(delay_ms * 16), ring]))[: len(far)]


def run(near: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, np.ndarray, LinearEcho]:
    """Errors and estimates, (frames, 320)."""
    echo = LinearEcho()
    pairs = [echo.process(n, f) for n, f in zip(as_frames(near), as_frames(far), strict=True)]
    return np.array([e for e, _ in pairs]), np.array([y for _, y in pairs]), echo


def level_db(x: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-15))


@pytest.mark.parametrize("delay_ms", [10, 120, 250])
def test_the_echo_goes_at_every_delay(delay_ms):
    far = talk(1)
    near = echo_of(far, delay_ms)
    error, _, _ = run(near, far)
    last = slice(-75, None)
    assert level_db(as_frames(near)[last] / 32768) - level_db(error[last]) > 18


def test_error_and_estimate_are_the_microphone():
    far = talk(2)
    near = echo_of(far, 60) + talk(3)
    error, estimate, _ = run(near, far)
    np.testing.assert_allclose(error + estimate, as_frames(near) / 32768, atol=1e-6)
    assert error.dtype == estimate.dtype == np.float32


def test_the_user_stays_in_the_error():
    far, user = talk(4), talk(5)
    user[: 2 * NEAR_RATE_HZ] = 0
    error, _, _ = run(echo_of(far, 60) + user, far)
    left = (error - as_frames(user) / 32768)[-75:]
    assert level_db(as_frames(user)[-75:] / 32768) - level_db(left) > 6


def test_the_delay_is_where_the_echo_is_strongest():
    far = talk(6)
    _, _, echo = run(echo_of(far, 140), far)
    assert echo.echo_delay_ms == pytest.approx(140, abs=1)


def test_a_question_over_the_first_sound_ever_does_not_spoil_the_answer():
    """As when wake word and question come in one breath: the wake sound is a chord, and no echo is known yet."""
    seconds = np.arange(NEAR_RATE_HZ // 2) / NEAR_RATE_HZ
    chord = 0.05 * (np.sin(2 * np.pi * 660 * seconds) + np.sin(2 * np.pi * 880 * seconds))
    reply = talk(6)
    far = np.concatenate([chord, np.zeros(NEAR_RATE_HZ), reply])
    user = np.zeros(len(far))
    user[: 3 * NEAR_RATE_HZ // 2] = 3 * talk(5)[: 3 * NEAR_RATE_HZ // 2]
    near = 0.2 * echo_of(far, 60) + user
    error, _, echo = run(near, far)
    assert level_db(as_frames(near)[-75:] / 32768) - level_db(error[-75:]) > 10
    assert echo.echo_delay_ms == pytest.approx(60, abs=1)


def test_an_echo_that_was_learnt_once_is_not_forgotten_though_it_changes():
    far = np.concatenate([talk(4), talk(5), talk(6)])
    near = echo_of(far, 60)
    known = 2 * SECONDS * NEAR_RATE_HZ
    near[known:] *= -1  # as far off as it can be
    near += 0.001 * np.random.default_rng(0).standard_normal(len(near))
    _, _, echo = run(near[:known], far[:known])
    learnt_with = echo.divergences
    for pair in zip(as_frames(near[known:]), as_frames(far[known:]), strict=True):
        echo.process(*pair)
    assert echo.divergences == learnt_with


def test_nothing_is_known_of_a_delay_before_anything_played():
    assert LinearEcho().echo_delay_ms is None


def test_after_long_silence_the_microphone_passes_as_it_is_and_the_path_is_kept():
    far = talk(7)
    silence = np.zeros(2 * NEAR_RATE_HZ)
    user = talk(8)[: 2 * NEAR_RATE_HZ]
    near = np.concatenate([echo_of(far, 40), user, echo_of(far, 40)])
    error, estimate, _ = run(near, np.concatenate([far, silence, far]))
    quiet = slice(SECONDS * 50 + PARTITIONS + 2, (SECONDS + 2) * 50)
    assert not estimate[quiet].any()
    again = slice((SECONDS + 2) * 50 + 20, (SECONDS + 2) * 50 + 60)
    assert level_db(as_frames(near)[again] / 32768) - level_db(error[again]) > 10
