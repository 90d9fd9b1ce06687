"""Listens to a microphone for a while. Nothing is kept but figures."""

from __future__ import annotations

import time

import numpy as np

from speakerd.doctor.judges.microphone import Heard, measure
from speakerd.hw.device import PcmSource
from speakerd.pcm import NEAR_RATE_HZ


def hear(source: PcmSource, seconds: float) -> Heard:
    """Measure what `source` gives in so much sound. Raises DeviceError."""
    source.read()  # many cards begin with a click
    began_s = time.monotonic()
    blocks, frames, xruns = [], 0, 0
    while frames < seconds * NEAR_RATE_HZ:
        block = source.read()
        blocks.append(block.samples)
        frames += block.samples.size
        xruns += block.xruns
    return measure(np.concatenate(blocks), time.monotonic() - began_s, xruns)
