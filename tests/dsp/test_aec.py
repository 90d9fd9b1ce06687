"""The canceller removes what the reference explains, and leaves the rest."""

import numpy as np
import pytest

from speakerd.demo.play import say
from speakerd.dsp.aec import LATENCY_FRAMES, WebRtcCanceller

RATE_HZ = 16_000


def voice_like(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Noise with the slope and the syllables of speech, int16."""
    n = round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.maximum(np.arange(spectrum.size) * RATE_HZ / n, 200.0)
    sound = np.fft.irfft(spectrum, n) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(n) / RATE_HZ))
    return (sound / np.abs(sound).max() * 12_000).astype(np.int16)


def echo_of(far: np.ndarray, delay_ms: float, rng: np.random.Generator) -> np.ndarray:
    """A small room's answer after `delay_ms`, 6 dB down."""
    taps = rng.standard_normal(1_600) * np.exp(-np.arange(1_600) / 250)
    taps /= np.sqrt((taps**2).sum())
    wet = np.convolve(far.astype(float), taps)[: far.size] * 0.5
    delay = round(delay_ms * RATE_HZ / 1000)
    return np.concatenate([np.zeros(delay), wet[: far.size - delay]])


def cancelled(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    canceller = WebRtcCanceller()
    samples = np.clip(near, -32768, 32767).astype(np.int16)
    return np.concatenate(
        [canceller.process(samples[at : at + 320], far[at : at + 320]) for at in range(0, near.size - 319, 320)]
    ).astype(float)


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound**2) + 1e-9))


@pytest.mark.parametrize("delay_ms", [5, 60, 200])
def test_an_echo_is_gone_after_three_seconds(delay_ms: float) -> None:
    rng = np.random.default_rng(int(delay_ms))
    far = voice_like(8, rng)
    echo = echo_of(far, delay_ms, rng) + rng.standard_normal(far.size) * 10
    out = cancelled(echo, far)
    late = slice(5 * RATE_HZ, 8 * RATE_HZ - 320)
    assert level_db(echo[late]) - level_db(out[late]) > 20


def test_a_reference_that_comes_after_its_echo_is_worthless() -> None:
    rng = np.random.default_rng(1)
    far = voice_like(8, rng)
    echo = echo_of(far, 0, rng)
    late_reference = np.concatenate([np.zeros(800, np.int16), far[:-800]])
    out = cancelled(echo, late_reference)
    late = slice(5 * RATE_HZ, 8 * RATE_HZ - 320)
    assert level_db(echo[late]) - level_db(out[late]) < 15


def test_a_voice_stays_when_nothing_plays_and_comes_14_ms_late() -> None:
    voice = say("What is the weather like in Berlin today?")[0]
    near = np.concatenate([voice, voice])
    near = near[: near.size // 320 * 320]
    out = cancelled(near, np.zeros(near.size, np.int16))
    part = slice(voice.size, near.size - 1_000)
    lags = [float(np.dot(near[part].astype(float), out[part.start + lag : part.stop + lag])) for lag in range(400)]
    assert abs(int(np.argmax(lags)) - LATENCY_FRAMES) <= 16
    assert abs(level_db(out[part]) - level_db(near[part].astype(float))) < 8  # flite hums; people lose 0.2 dB
