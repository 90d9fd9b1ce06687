"""Does this loudspeaker reach this microphone? Plays a row of sweeps and listens meanwhile."""

from __future__ import annotations

import time

import numpy as np

from speakerd.doctor import chirp
from speakerd.doctor.chirp import Reach, Take
from speakerd.hw.device import PcmSink, PcmSource
from speakerd.hw.loudspeaker import AlsaSink
from speakerd.hw.microphone import AlsaSource
from speakerd.pcm import NEAR_RATE_HZ, Samples

BUFFER_MS = 80


def reach(
    capture_device: str,
    playback_device: str,
    *,
    sweeps: int = 3,
    volume_percent: int = 100,
    capture_rate_hz: int = NEAR_RATE_HZ,
    playback_rate_hz: int = 48_000,
    capture_channel: int = 0,
) -> Reach:
    """Play `sweeps` rising tones on one card, listen with the other: 3 s for three. Raises DeviceError.

    Blocks; for a thread that may. The sound is forgotten.
    """
    source = AlsaSource(capture_device, capture_rate_hz, capture_channel)
    try:
        sink = AlsaSink(playback_device, playback_rate_hz, BUFFER_MS)
        try:
            take = play_and_listen(source, sink, chirp.row(sweeps, chirp.gain(volume_percent)))
        finally:
            sink.close()
    finally:
        source.close()
    return chirp.what_reached(take, sweeps, chirp.gain(volume_percent))


def play_and_listen(source: PcmSource, sink: PcmSink, *sounds: Samples) -> Take:
    """Play `sounds`, int16 mono 16 kHz, one after the other, and hear all until they have sounded. Raises DeviceError.

    One thread serves both cards: the microphone sets the pace, the loudspeaker is kept full.
    """
    sound = chirp.at_rate(np.concatenate(sounds), sink.rate_hz)
    source.read()  # whatever waited: the clocks begin with fresh sound
    player, heard = _Player(sink, sound), _Listener(source)
    until_s = time.monotonic() + sound.size / sink.rate_hz + 3.0
    while not player.over and time.monotonic() < until_s:
        player.fill()
        heard.read()
    return Take(
        np.concatenate(heard.blocks),
        (player.began_s - heard.began_s) * NEAR_RATE_HZ,
        heard.xruns,
        player.xruns,
    )


class _Player:
    """Keeps a sink full, and knows when its first sample sounds."""

    def __init__(self, sink: PcmSink, sound: Samples) -> None:
        self.xruns = 0
        self._sink, self._sound = sink, sound
        self._written = 0
        self._began_s: list[float] = []

    @property
    def over(self) -> bool:
        """All of it has sounded."""
        return self._written >= self._sound.size and self._sink.queued_frames() == 0

    @property
    def began_s(self) -> float:
        """CLOCK_MONOTONIC seconds at which the first sample left the card."""
        return float(np.median(self._began_s))

    def fill(self) -> None:
        period = self._sink.period_frames
        while self._written < self._sound.size and self._sink.queued_frames() + period <= self._sink.buffer_frames:
            block = self._sound[self._written : self._written + period]
            self.xruns += self._sink.write(np.pad(block, (0, period - block.size)))
            self._written += period
            ahead = self._sink.queued_frames() - self._written
            self._began_s.append(time.monotonic() + ahead / self._sink.rate_hz)


class _Listener:
    """Keeps what a source gives, and knows when its first sample was heard."""

    def __init__(self, source: PcmSource) -> None:
        self.xruns = 0
        self.blocks: list[Samples] = []
        self.began_s = float("inf")
        """CLOCK_MONOTONIC seconds; the earliest of what the blocks tell, for a block may be late but never early."""
        self._source = source
        self._frames = 0

    def read(self) -> None:
        block = self._source.read()
        self.xruns += block.xruns
        self.blocks.append(block.samples)
        self._frames += block.samples.size
        self.began_s = min(self.began_s, time.monotonic() - self._frames / NEAR_RATE_HZ)
