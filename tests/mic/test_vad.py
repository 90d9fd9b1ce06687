from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from speakerd.mic.vad import Vad
from speakerd.pcm import NEAR_PERIOD_FRAMES, Samples


def share_of_speech(sound: Samples) -> float:
    vad = Vad()
    whole = sound[: len(sound) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES].reshape(-1, NEAR_PERIOD_FRAMES)
    return float(np.mean([vad.is_speech(frame) for frame in whole]))


def test_a_voice_is_speech(say: Callable[..., Samples]) -> None:
    assert share_of_speech(say("What is the weather in Berlin today?")) > 0.6


def test_silence_and_faint_noise_are_not() -> None:
    noise = np.random.default_rng(1).integers(-20, 20, 5 * 16_000).astype(np.int16)
    assert share_of_speech(np.zeros(5 * 16_000, np.int16)) == 0
    assert share_of_speech(noise) < 0.05


@pytest.mark.parametrize("length", [0, 160, 319, 480, 640])
def test_other_lengths_are_refused_even_those_webrtcvad_would_take(length: int) -> None:
    with pytest.raises(ValueError, match="320"):
        Vad().is_speech(np.zeros(length, np.int16))
