"""The plain rule: a voice in what the canceller leaves, not much quieter than the microphone."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.mic.rule import WINDOW_FRAMES, Rule
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ

SILENCE = np.zeros(NEAR_PERIOD_FRAMES, np.int16)
VIEW = np.zeros((5, NEAR_PERIOD_FRAMES + 1), np.complex64)


def vowel(frames: int, amplitude: float = 6000.0) -> np.ndarray:
    """(frames, 320) int16: harmonics of 140 Hz under two formants, which webrtcvad calls a voice."""
    t = np.arange(frames * NEAR_PERIOD_FRAMES) / NEAR_RATE_HZ
    x = np.zeros_like(t)
    for harmonic in range(1, 25):
        hz = 140 * harmonic
        x += (np.exp(-(((hz - 700) / 250) ** 2)) + 0.5 * np.exp(-(((hz - 1200) / 300) ** 2))) * np.sin(
            2 * np.pi * hz * t
        )
    return (amplitude * x / np.abs(x).max()).astype(np.int16).reshape(frames, NEAR_PERIOD_FRAMES)


def last_score(near: np.ndarray, out: np.ndarray) -> float:
    rule = Rule()
    return [rule.score(n, o, SILENCE, VIEW) for n, o in zip(near, out, strict=True)][-1]


def test_a_voice_that_the_canceller_leaves_scores_full():
    voice = vowel(40)
    assert last_score(voice, voice) == 1.0


def test_what_the_canceller_takes_away_scores_nothing():
    assert last_score(vowel(40), np.zeros((40, NEAR_PERIOD_FRAMES), np.int16)) == 0.0


def test_a_residue_of_echo_scores_nothing():
    voice = vowel(40, 20000.0)
    assert last_score(voice, voice // 20) == 0.0  # −26 dB


@pytest.mark.parametrize("frames", [3, 9])
def test_the_score_is_a_share_of_the_last_300_ms(frames):
    quiet = np.zeros((40, NEAR_PERIOD_FRAMES), np.int16)
    heard = np.concatenate([quiet, vowel(frames)])
    assert last_score(heard, heard) == pytest.approx(frames / WINDOW_FRAMES, abs=1.5 / WINDOW_FRAMES)
