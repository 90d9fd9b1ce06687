"""Audio deltas of the wire at the loudspeaker's rate. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from speakerd.dsp.resample import Resampler
from speakerd.pcm import BYTES_PER_SAMPLE, WIRE_RATE_HZ, Samples, from_bytes


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A piece of one item's sound."""

    item_id: str
    samples: Samples
    """At the sink's rate; may be empty while the resampler warms up."""
    wire_frames: int
    """Frames of the wire that arrived with it."""


class Downlink:
    """24 kHz bytes in, samples at the sink's rate out; each item is one continuous stream."""

    def __init__(self, sink_rate_hz: int) -> None:
        self._resampler = Resampler(WIRE_RATE_HZ, sink_rate_hz)
        self._item_id = ""
        self._odd_byte = b""

    def push(self, item_id: str, pcm: bytes) -> list[Chunk]:
        """Feed one delta; a new item first ends the one before."""
        chunks = self.end() if self._item_id and item_id != self._item_id else []
        self._item_id = item_id
        pcm = self._odd_byte + pcm
        whole = len(pcm) - len(pcm) % BYTES_PER_SAMPLE
        self._odd_byte = pcm[whole:]
        wire = from_bytes(pcm[:whole])
        return [*chunks, Chunk(item_id, self._resampler.push(wire), wire.size)]

    def end(self) -> list[Chunk]:
        """The current item is complete: the rest of its sound."""
        chunks = [Chunk(self._item_id, self._resampler.flush(), 0)] if self._item_id else []
        self._item_id = ""
        self._odd_byte = b""
        return chunks

    def discard(self) -> None:
        """Forget the current item."""
        self.end()
