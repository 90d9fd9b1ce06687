"""Listens to the configured microphone for a while. Nothing is kept but figures."""

from __future__ import annotations

import time

import numpy as np

from speakerd.config.model import Audio
from speakerd.doctor.judges.microphone import Heard, measure
from speakerd.hw.device import PcmSource
from speakerd.hw.microphone import AlsaSource
from speakerd.pcm import NEAR_RATE_HZ

LISTEN_S = 3.0


def listen(audio: Audio, seconds: float = LISTEN_S) -> Heard:
    """Open the microphone as the daemon does, and measure. Raises DeviceError."""
    source = AlsaSource(audio.capture_device, audio.capture_rate_hz, audio.capture_channel)
    try:
        return hear(source, seconds)
    finally:
        source.close()


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
