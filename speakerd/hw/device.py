"""The ports of sound devices. `hw.microphone` and `hw.loudspeaker` fulfil them with a card.

One thread owns a source or a sink from opening to closing; no method is thread-safe.
Both raise DeviceError when the device stops working; the owner then closes it and opens a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from speakerd.pcm import Samples


@dataclass(frozen=True, slots=True, eq=False)
class SourceBlock:
    """What one read brought."""

    samples: Samples
    """int16 mono 16 kHz; any length, also none (a resampler warming up)."""
    xruns: int = 0
    """Overruns since the block before: sound was lost ahead of these samples."""


class PcmSource(Protocol):
    """A microphone, already converted to 16 kHz mono."""

    @property
    def kept_ms(self) -> int:
        """How much sound it keeps for a reader that comes late."""

    def read(self, least_frames: int = 1) -> SourceBlock:
        """Block until so many frames (16 kHz) may be there, for a period (20 ms) or so if that is longer.

        Raises DeviceError, also if it hangs.
        """

    def close(self) -> None:
        """Release the device. May be called twice."""


class PcmSink(Protocol):
    """A loudspeaker. Mono in; channels and sample format are the sink's own business."""

    @property
    def rate_hz(self) -> int:
        """Rate of the samples that `write` takes: what the card granted."""

    @property
    def period_frames(self) -> int:
        """Frames that `write` wants at a time: 20 ms at `rate_hz`."""

    @property
    def buffer_frames(self) -> int:
        """Most frames that the card holds at once, at `rate_hz`."""

    def write(self, samples: Samples) -> int:
        """Block until one period (int16 mono at `rate_hz`) is queued; the underruns survived on the way.

        Raises DeviceError.
        """

    def queued_frames(self) -> int:
        """Frames written that are not audible yet. Raises DeviceError."""

    def drop(self) -> int:
        """Fall silent at once; the frames that were queued and never sounded. A `write` may follow.

        Raises DeviceError.
        """

    def close(self) -> None:
        """Silence and release the device, without draining. May be called twice."""


@dataclass(frozen=True, slots=True)
class MixerControl:
    """What one control of a card's mixer is set to. None: it has no such thing."""

    name: str
    playback_percent: int | None = None
    """The loudest channel's."""
    playback_on: bool | None = None
    """False if any channel is muted."""
    capture_percent: int | None = None
    capture_on: bool | None = None
    """False if every channel is switched off."""
