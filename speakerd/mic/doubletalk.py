"""Does somebody in the room speak while the loudspeaker plays? A small recurrent network, learnt in simulated rooms.

    microphone ─┬──────────────────────────────────┐
    canceller's output ────────────────────────────┤ log-mel ─→ Linear ─ ReLU ─ GRU ─ Linear ─→ score
    far end ──┬─┴─→ linear canceller ─→ error, echo ┤
              └─→ loudest of the last 320 ms ───────┘

docs/bargein.md is its model card; `python -m bench.bargein train` makes its weights anew.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from speakerd.dsp.echoview import Spectra
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, Samples

Vector: TypeAlias = NDArray[np.float32]

BANDS = 20
FEATURES = 6 * BANDS
"""Microphone, canceller's output, far end, far end's loudest of late, linear error, linear echo estimate."""

SCORE_LIMIT = 6.0
"""Scores are log-odds within ± this: one frame, however sure, does not decide."""

_RANGE_HZ = (100.0, 7800.0)
_FAR_MEMORY_FRAMES = 16  # 320 ms: longer than any delay of the echo, so the network needs to know none
_WINDOW = 2 * NEAR_PERIOD_FRAMES
_FLOOR_POWER = 1e-9  # per band: −90 dB, under every microphone's own noise
_CENTRE_DB = -50.0
_SPREAD_DB = 20.0
_SILENT_FRAMES = 40  # 0.8 s without far end: its echo is gone, there is nothing to judge


class Features:
    """The network's view of the sound: fed each frame in order."""

    def __init__(self) -> None:
        self._bank = _mel_bank()
        self._far_bands = np.full((_FAR_MEMORY_FRAMES, BANDS), _scaled(np.float32(0)), np.float32)
        self._turn = 0

    def take(self, spectra: Spectra) -> Vector:
        """(FEATURES,) for the newest 20 ms: levels of bands, 0 at −50 dB, in steps of 20 dB."""
        power = (spectra.real**2 + spectra.imag**2).astype(np.float32, copy=False)
        bands = _scaled(power @ self._bank)
        self._far_bands[self._turn] = bands[2]
        self._turn = (self._turn + 1) % _FAR_MEMORY_FRAMES
        return np.concatenate([bands[:3].ravel(), self._far_bands.max(axis=0), bands[3:].ravel()])


def _scaled(power: NDArray[np.float32] | np.float32) -> Vector:
    decibels = 10 * np.log10(power + np.float32(_FLOOR_POWER))
    return ((decibels - np.float32(_CENTRE_DB)) * np.float32(1 / _SPREAD_DB)).astype(np.float32)


def _mel_bank() -> NDArray[np.float32]:
    """(bins, BANDS): overlapping triangles, evenly spaced on the mel scale; a full-scale sine gives about 0 dB."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in _RANGE_HZ)
    edges_hz = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    hz = np.linspace(0, NEAR_RATE_HZ / 2, _WINDOW // 2 + 1)[:, None]
    left, centre, right = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    triangles = np.clip(np.minimum((hz - left) / (centre - left), (right - hz) / (right - centre)), 0, None)
    return (triangles * (4 / _WINDOW) ** 2).astype(np.float32)


class Network:
    """Linear, ReLU, GRU, one logit, in numpy; weights as `bench.bargein.train` writes them."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        """Take the arrays `in_w in_b gru_w gru_u gru_b gru_c out_w out_b`. Raises KeyError if one is missing."""
        self._in_w, self._in_b = weights["in_w"], weights["in_b"]
        self._gru_w, self._gru_u = weights["gru_w"], weights["gru_u"]
        self._gru_b, self._gru_c = weights["gru_b"], weights["gru_c"]
        self._out_w, self._out_b = weights["out_w"], float(weights["out_b"].item())
        self._width = len(self._out_w)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._state = np.zeros(self._width, np.float32)

    def step(self, features: Vector) -> float:
        """The logit after one more frame of (FEATURES,)."""
        width, state = self._width, self._state
        hidden = np.maximum(features @ self._in_w + self._in_b, 0)
        new = hidden @ self._gru_w + self._gru_b
        old = state @ self._gru_u
        gates = 1 / (1 + np.exp(-(new[: 2 * width] + old[: 2 * width])))
        update, reset = gates[:width], gates[width:]
        candidate = np.tanh(new[2 * width :] + reset * (old[2 * width :] + self._gru_c))
        self._state = candidate + update * (state - candidate)
        return float(self._state @ self._out_w) + self._out_b


def packaged_weights() -> dict[str, NDArray[np.float32]]:
    """The weights that come with the program."""
    with files("speakerd.mic").joinpath("doubletalk.npz").open("rb") as file, np.load(file, allow_pickle=False) as held:
        return {name: held[name].astype(np.float32) for name in held.files}


class DoubleTalk:
    """The learned scorer. Costs next to nothing while the far end is silent."""

    nobody = -3.0
    """See `duplex.Detector`: odds of 1 to 20."""
    somebody = 0.0
    """See `duplex.Detector`: even odds."""

    def __init__(self, network: Network | None = None) -> None:
        """With the packaged weights unless a network is given."""
        self._features = Features()
        self._network = network or Network(packaged_weights())
        self._silent_frames = _SILENT_FRAMES

    def score(self, near: Samples, out: Samples, far: Samples, spectra: Spectra) -> float:
        """See `duplex.Detector`: log-odds, within ±SCORE_LIMIT; the lowest while nothing plays."""
        self._silent_frames = 0 if far.any() else self._silent_frames + 1
        if self._silent_frames >= _SILENT_FRAMES:
            if self._silent_frames == _SILENT_FRAMES:
                self._network.reset()
            return -SCORE_LIMIT
        logit = self._network.step(self._features.take(spectra))
        return min(SCORE_LIMIT, max(-SCORE_LIMIT, logit))
