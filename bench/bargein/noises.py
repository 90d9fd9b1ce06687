"""Sounds that are no voice: made ones, and recorded ones changed so that few recordings are many."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from bench.bargein.signals import RATE_HZ, active_rms, as_float, fade, rms


def pink(rng: np.random.Generator, n: int) -> np.ndarray:
    """Flat below 20 bins."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20))
    return np.fft.irfft(spectrum, n).astype(np.float32)


def machine(rng: np.random.Generator) -> np.ndarray:
    """A fan, a motor, running water: shaped noise with a hum, both swaying."""
    n = int(rng.uniform(2, 8) * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    low = rng.uniform(60, 2500)
    band = butter(1, [low, min(7900, low * rng.uniform(1.3, 20))], "band", fs=RATE_HZ, output="sos")
    y = sosfilt(band, rng.standard_normal(n))
    y /= rms(y)
    pitch_hz = rng.uniform(40, 500) * (1 + rng.uniform(0, 0.1) * np.sin(2 * np.pi * rng.uniform(0.05, 1) * t))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    for harmonic in range(1, int(rng.integers(2, 12))):
        y += rng.uniform(0, 0.6) / harmonic**0.5 * np.sin(harmonic * phase) * rng.choice([0, 1])
    sway = 1 + rng.uniform(0, 0.9) * np.sin(2 * np.pi * rng.uniform(0.2, 12) * t)
    return (0.1 * y * sway).astype(np.float32)


def tap(rng: np.random.Generator, recorded: list[np.ndarray]) -> np.ndarray:
    """A knock, a bang, a rustle: recorded or made."""
    kind = rng.random()
    if kind < 0.5:
        return as_float(recorded[rng.integers(len(recorded))])
    n = int(rng.uniform(0.03, 0.5) * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    if kind < 0.8:  # something hard is struck: a few resonances that die away
        y = np.zeros(n)
        for _ in range(rng.integers(2, 7)):
            y += (
                rng.uniform(0.2, 1)
                * np.sin(2 * np.pi * rng.uniform(90, 5000) * t)
                * np.exp(-t / rng.uniform(0.004, 0.15))
            )
    else:  # a burst: paper, a bag, a door
        y = rng.standard_normal(n) * np.exp(-t / rng.uniform(0.01, 0.2))
        y = sosfilt(butter(1, rng.uniform(300, 6000), fs=RATE_HZ, output="sos"), y)
    hits = np.zeros(int(rng.uniform(0, 0.5) * RATE_HZ) + n)
    for start in [0, *rng.integers(0, len(hits) - n + 1, rng.integers(0, 3))]:
        hits[start : start + n] += y * rng.uniform(0.3, 1)
    return hits.astype(np.float32)


def signal(rng: np.random.Generator) -> np.ndarray:
    """What rings, beeps or howls in a house: harmonic like a voice, but no voice."""
    makers = (_beeps, _chime, _siren, _tune)
    return makers[rng.integers(len(makers))](rng).astype(np.float32)


def _tone(rng: np.random.Generator, pitch_hz: np.ndarray) -> np.ndarray:
    """Harmonics of a pitch that may move, (samples,) in Hz; buzzing, hollow or pure."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    y = np.zeros(len(pitch_hz))
    fall, odd = rng.uniform(0.3, 2.0), rng.random() < 0.3
    for harmonic in range(1, int(rng.choice([2, 4, 16])), 2 if odd else 1):
        y += harmonic**-fall * np.sin(harmonic * phase + rng.uniform(0, 6)) * (harmonic * pitch_hz < 7600)
    return y


def _beeps(rng: np.random.Generator) -> np.ndarray:
    on, off = (int(rng.uniform(0.04, 0.5) * RATE_HZ) for _ in range(2))
    pitches_hz = 2 ** rng.uniform(np.log2(200), np.log2(4000), rng.integers(1, 4))
    parts = []
    for k in range(int(rng.integers(2, 12))):
        parts += [fade(_tone(rng, np.full(on, pitches_hz[k % len(pitches_hz)])), 80), np.zeros(off)]
    return np.concatenate(parts)


def _chime(rng: np.random.Generator) -> np.ndarray:
    y = np.zeros(int(rng.uniform(1.5, 5) * RATE_HZ))
    partials = rng.uniform(0.5, 6, rng.integers(3, 9))
    for start in rng.integers(0, len(y) // 2, rng.integers(1, 7)):
        t = np.arange(len(y) - start) / RATE_HZ
        pitch_hz = 2 ** rng.uniform(np.log2(150), np.log2(1500))
        for partial in partials[partials * pitch_hz < 7600]:
            y[start:] += rng.uniform(0.2, 1) * np.sin(2 * np.pi * pitch_hz * partial * t) * np.exp(-t * partial * 2)
    return y


def _siren(rng: np.random.Generator) -> np.ndarray:
    n = int(rng.uniform(1, 6) * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    middle, width = rng.uniform(np.log2(100), np.log2(1500)), rng.uniform(0.05, 1)
    sway = (
        np.sin(2 * np.pi * rng.uniform(0.1, 8) * t) if rng.random() < 0.6 else 2 * ((t * rng.uniform(0.2, 3)) % 1) - 1
    )
    return _tone(rng, 2 ** (middle + width * sway)) * (
        1 + rng.uniform(0, 0.9) * np.sin(2 * np.pi * rng.uniform(1, 12) * t)
    )


def _tune(rng: np.random.Generator) -> np.ndarray:
    parts = []
    key = rng.uniform(36, 72)
    for _ in range(int(rng.integers(4, 14))):
        n = int(rng.choice([0.12, 0.25, 0.5]) * RATE_HZ)
        pitch_hz = 440 * 2 ** ((key + rng.choice([0, 2, 4, 7, 9, 12]) - 69) / 12)
        parts.append(
            fade(_tone(rng, np.full(n, pitch_hz)) * np.exp(-np.arange(n) / rng.uniform(0.05, 1) / RATE_HZ), 100)
        )
    return np.concatenate(parts)


def changed(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """The same sound faster or slower, backwards, through a resonance or a filter, swaying."""
    x = np.interp(np.arange(0, len(x), 2 ** rng.uniform(-1, 1)), np.arange(len(x)), x)
    if rng.random() < 0.2:
        x = x[::-1]
    if rng.random() < 0.4:
        low = 2 ** rng.uniform(np.log2(60), np.log2(2500))
        x = sosfilt(butter(1, [low, min(7900, low * rng.uniform(2, 40))], "band", fs=RATE_HZ, output="sos"), x)
    if rng.random() < 0.15:  # a tube or a tin around it: it rings at one pitch
        lag = int(RATE_HZ / rng.uniform(80, 600))
        x = lfilter([1.0], [1.0, *[0.0] * (lag - 1), -rng.uniform(0.5, 0.9)], x)
    if rng.random() < 0.15:
        x = x * (1 + rng.uniform(0.2, 1) * np.sin(2 * np.pi * rng.uniform(1, 20) * np.arange(len(x)) / RATE_HZ))
    return x / (active_rms(x) * 10)
