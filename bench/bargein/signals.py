"""Samples: levels, delays, soft ends. float32 at 16 kHz."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

RATE_HZ = 16_000

HEARD_DB = 24.0
"""A burst begins where it first comes within this of its loudest 10 ms, for at least 60 of 80 ms: a click or a breath
before the word is none of it."""


def shift(x: np.ndarray, delay_s: float, ppm: float, edge: float = 0.0) -> np.ndarray:
    """Later by `delay_s`, on a clock that runs `ppm` fast."""
    if ppm == 0:
        k = round(delay_s * RATE_HZ)
        pad = np.full(abs(k), edge, np.float32)
        return np.concatenate([pad, x[: len(x) - k]] if k >= 0 else [x[-k:], pad]).astype(np.float32)
    at = (np.arange(len(x)) - delay_s * RATE_HZ) * (1 + ppm * 1e-6)
    return map_coordinates(x, [at], order=3, mode="constant", cval=edge).astype(np.float32)


def active_rms(x: np.ndarray) -> float:
    """Of the 10 ms blocks within 30 dB of the loudest."""
    if len(x) < 160:
        return rms(x)
    power = np.square(x[: len(x) // 160 * 160], dtype=np.float64).reshape(-1, 160).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() * 1e-3].mean())) + 1e-9


def rms(x: np.ndarray) -> float:
    """Plain."""
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) + 1e-12


def from_db(decibels: float) -> float:
    """As an amplitude."""
    return float(10 ** (decibels / 20))


def fade(x: np.ndarray, samples: int) -> np.ndarray:
    """With soft ends."""
    k = min(samples, len(x) // 4)
    y = x.astype(np.float32, copy=True)
    if k:
        ramp = np.linspace(0, 1, k, dtype=np.float32)
        y[:k] *= ramp
        y[-k:] *= ramp[::-1]
    return y


def as_float(x: np.ndarray) -> np.ndarray:
    """Of int16."""
    return x.astype(np.float32) / 32768


def extent(x: np.ndarray) -> tuple[int, int]:
    """First and last sample of what is heard of a burst, to 10 ms."""
    level = 10 * np.log10(np.square(x[: len(x) // 160 * 160]).reshape(-1, 160).mean(axis=1) + 1e-12)
    on = level > level.max() - HEARD_DB
    steady = np.flatnonzero(np.convolve(on, np.ones(8), "valid") >= 6)
    if not len(steady):
        return 0, len(x)
    first = steady[0] + int(np.flatnonzero(on[steady[0] :])[0])
    return first * 160, (int(steady[-1]) + 8) * 160
