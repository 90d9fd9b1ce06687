"""A canceller, a detector and a judge that do as they are told, and frames for them."""

from __future__ import annotations

import numpy as np

from speakerd.dsp.echoview import Spectra
from speakerd.mic.duplex import (
    BargeInEvent,
    Duplex,
)
from speakerd.pcm import FarFrame, NearFrame, Samples

RNG = np.random.default_rng(1)


LOUD = (RNG.standard_normal(320) * 3_000).astype(np.int16)


class Canceller:
    """Takes `erle_db` off everything."""

    def __init__(self, erle_db: float = 40.0) -> None:
        self.erle_db = erle_db
        self.calls = 0

    def process(self, near: Samples, far: Samples) -> Samples:
        self.calls += 1
        return (near * 10 ** (-self.erle_db / 20)).astype(np.int16)


class Detector:
    nobody = 0.1
    somebody = 0.5

    def __init__(self, says: float = 0.7) -> None:
        self.says = says

    def score(self, near: Samples, out: Samples, far: Samples, spectra: Spectra) -> float:
        return self.says


class Judge:
    """Says what it was told to say, once."""

    def __init__(self) -> None:
        self.storm = False
        self.says: BargeInEvent | None = None
        self.at_silence: BargeInEvent | None = None
        self.fed: list[tuple[int, float]] = []
        self.realignments = 0

    def feed(self, index: int, score: float, level_dbfs: float) -> BargeInEvent | None:
        self.fed.append((index, score))
        says, self.says = self.says, None
        return says

    def silence(self) -> BargeInEvent | None:
        return self.at_silence

    def realigned(self) -> None:
        self.realignments += 1


def near(index: int) -> NearFrame:
    return NearFrame(LOUD, index, 0.0)


def far(*, playing: bool = True, aligned: bool = True) -> FarFrame:
    return FarFrame(LOUD, playing, aligned)


def make(erle_db: float = 40.0) -> tuple[Duplex, Canceller, Judge]:
    canceller, judge = Canceller(erle_db), Judge()
    return Duplex(canceller, Detector(), judge), canceller, judge
