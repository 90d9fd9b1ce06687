"""The wake word: openWakeWord's networks in a lean streaming loop, 80 ms a step.

    1280 new samples (+ 480 before them) → 8 mel frames → window of 76 → one embedding (96 numbers)
    → the last 16 embeddings → one score for each word

The arithmetic is that of `openwakeword`, step for step, so its scores are ours (docs/wake.md tells
to what tolerance); buffers are allocated once and one thread does all the work.

In a quiet room the networks rest: sound is only kept, and when something is heard, what was kept is
worked off first, so that the scores are the same as if they had never rested.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerd.config.model import WakeWord
from speakerd.errors import ConfigError
from speakerd.mic.wake_engine import Array, Network, TfliteNetwork, load_network, try_out
from speakerd.mic.wake_models import feature_models, find_model
from speakerd.pcm import NEAR_PERIOD_FRAMES, Samples, ms_to_periods

STEP_PERIODS = 4
"""Near frames in one step of 80 ms."""

_STEP = STEP_PERIODS * NEAR_PERIOD_FRAMES
_HISTORY = 480  # samples before the step: what the mel network needs to give whole frames
_MEL_BANDS = 32
_MEL_STEP = 8  # mel frames in one step
_MEL_WINDOW = 76  # mel frames that one embedding sees: 0.76 s
_EMBEDDING = 96
_MAX_EMBEDDINGS = 120  # what openwakeword keeps: 9.6 s
_UNSCORED_STEPS = 5  # openwakeword gives 0 for its first five
_MEL_STEPS = 11  # steps that one embedding depends on: 76 mel frames, and the sound before the first


class EmbeddingStream:
    """Sound to embeddings. `window` always holds the last `length`, oldest first."""

    def __init__(self, length: int) -> None:
        """Load both networks and fill the window as openwakeword does: with what noise looks like."""
        mel, embedding = feature_models()
        self._mel_network: Network = TfliteNetwork(mel, (1, _HISTORY + _STEP))
        self._embedding_network: Network = TfliteNetwork(embedding)
        self._sound: Array = np.zeros((1, _HISTORY + _STEP), np.float32)
        self._mel: Array = np.ones((1, _MEL_WINDOW, _MEL_BANDS, 1), np.float32)
        self.window: Array = np.zeros((1, length, _EMBEDDING), np.float32)
        self._first = False
        for chunk in _noise(_MEL_WINDOW // _MEL_STEP + 1 + length):
            self.push(chunk)
        self._sound.fill(0)
        self._mel.fill(1)
        self._first = True

    def push(self, chunk: Samples, *, embed: bool = True) -> None:
        """Take one step: `chunk` is (1280,) int16, 16 kHz. Without `embed` the window stays as it is."""
        self._sound[:, :_HISTORY] = self._sound[:, -_HISTORY:]
        self._sound[:, _HISTORY:] = chunk
        mel = self._mel_network.run(self._sound).reshape(-1, _MEL_BANDS)
        mel /= 10
        mel += 2
        # The very first step has no sound before it: openwakeword takes only the frames that lie within.
        new = mel[_HISTORY // 160 :] if self._first else mel
        self._first = False
        self._mel[:, : -len(new)] = self._mel[:, len(new) :]
        self._mel[0, -len(new) :, :, 0] = new
        if not embed:
            return
        self.window[:, :-1] = self.window[:, 1:]
        self.window[0, -1] = self._embedding_network.run(self._mel).reshape(_EMBEDDING)


@dataclass(frozen=True, slots=True)
class Detection:
    """A word whose score reached its threshold."""

    word: str
    score: float


class _Word:
    """One word: its network and when it may fire again."""

    def __init__(self, config: WakeWord) -> None:
        file = find_model(config.model)
        self.name, self.path = file.word, file.path
        self.network = load_network(file.path)
        self.length = _embeddings_wanted(file.path, self.network)
        try_out(file.path, self.network, (1, self.length, _EMBEDDING))
        self.threshold = config.threshold
        self.refractory_periods = ms_to_periods(config.refractory_ms)
        self.deaf_until = -1  # frame index up to which a score does not count
        self.is_up = False  # the latest score reached the threshold

    def score(self, window: Array) -> float:
        return float(self.network.run(window[:, -self.length :]).flat[0])


class WakeDetector:
    """All wake words at once. Fed 20 ms at a time; one thread, no clock: refractory time counts frames."""

    def __init__(self, words: Sequence[WakeWord]) -> None:
        """Load the models of `words`. Raises ConfigError for a model that cannot be used."""
        self._words = [_Word(word) for word in words]
        _require_distinct([word.name for word in self._words])
        self._length = max(word.length for word in self._words)
        self._stream = EmbeddingStream(self._length)
        self._kept: deque[Samples] = deque(maxlen=self._length + _MEL_STEPS)
        self._chunk: Samples = np.zeros(_STEP, np.int16)
        self._filled = 0
        self._steps = 0
        self.scores: dict[str, float] = {word.name: 0.0 for word in self._words}
        """Score of each word in the latest step."""

    @property
    def frames_scored(self) -> int:
        """Near frames that have passed through here, in fours; counts on while the models rest."""
        return self._steps * STEP_PERIODS

    @property
    def frames_to_step(self) -> int:
        """Near frames, 1 to 4, until the models run again."""
        return STEP_PERIODS - self._filled // NEAR_PERIOD_FRAMES

    def feed(self, samples: Samples, index: int, *, rest: bool = False, doubt: bool = False) -> list[Detection]:
        """Take near frame `index`, (320,) int16; every fourth call runs the models (20-30 ms on a slow core).

        `rest`: nobody can be speaking, so the models need not run. What they missed is made up for as soon
        as they run again; no score is different for it. `doubt`: what sounds like a word is the
        assistant's own voice: no score counts.
        """
        self._chunk[self._filled : self._filled + NEAR_PERIOD_FRAMES] = samples
        self._filled += NEAR_PERIOD_FRAMES
        if self._filled < _STEP:
            return []
        self._filled = 0
        self._steps += 1
        if rest:
            self._kept.append(self._chunk.copy())
            return []
        self._work_off()
        self._stream.push(self._chunk)
        if self._steps <= _UNSCORED_STEPS:
            return []
        return [found for word in self._words if (found := self._judge(word, index, doubt=doubt)) is not None]

    def _work_off(self) -> None:
        """Bring the window to where it would be without the rest. At most 27 steps, 15 of them with an embedding."""
        while self._kept:
            self._stream.push(self._kept.popleft(), embed=len(self._kept) < self._length - 1)

    def _judge(self, word: _Word, index: int, *, doubt: bool) -> Detection | None:
        """Counts when the score comes up to the threshold, not while it stays there."""
        threshold = math.inf if doubt else word.threshold
        score = word.score(self._stream.window)
        self.scores[word.name] = score
        rising = score >= threshold and not word.is_up
        word.is_up = score >= threshold
        if not rising or index <= word.deaf_until:
            return None
        word.deaf_until = index + word.refractory_periods
        return Detection(word.name, score)


def _embeddings_wanted(path: Path, network: Network) -> int:
    """How many embeddings a word model looks at. Raises ConfigError if it is no openWakeWord model."""
    shape, result = network.input_shape, network.output_shape
    if len(shape) != 3 or shape[0] not in (1, -1) or shape[2] != _EMBEDDING or not 0 < shape[1] <= _MAX_EMBEDDINGS:
        raise ConfigError(
            f"wake model {path}: takes {_times(shape)}, an openWakeWord model takes 1×N×{_EMBEDDING}",
            hint=f"N is the number of embeddings, 1 to {_MAX_EMBEDDINGS}, usually 16",
        )
    if any(n not in (1, -1) for n in result):
        raise ConfigError(f"wake model {path}: gives {_times(result)} scores, a model with one is wanted")
    return shape[1]


def _times(shape: tuple[int, ...]) -> str:
    return "×".join("?" if n < 0 else str(n) for n in shape) or "a scalar"


def _require_distinct(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"the wake word {name} is there twice", hint="name each model file differently")


def _noise(steps: int) -> list[Samples]:
    """White noise of ±1000, the same each time. By integer hashing: numpy.random would cost 7 MB."""
    value = np.arange(steps * _STEP, dtype=np.uint32)
    for factor, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13)):
        value ^= value >> np.uint32(shift)
        value *= np.uint32(factor)
    value ^= value >> np.uint32(16)
    return list((value % 2000).astype(np.int16).reshape(steps, _STEP) - np.int16(1000))
