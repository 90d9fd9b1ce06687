"""The gate between microphone and wire: closed, held or open. Pure; owned by the loop.

Every near frame passes through `push`, whatever the gate. A ring keeps the newest ones, in memory
only, so that words spoken before the gate opened can be sent first: without a gap, a repeat or a cut.
No frame is ever sent twice.

    closed   keep the ring, send nothing
    held     the same, and remember from which frame on the words count
    open     send the ring from that frame on, then every frame as it comes
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from speakerd.dsp.resample import Resampler
from speakerd.pcm import NEAR_RATE_HZ, PERIOD_MS, WIRE_RATE_HZ, NearFrame, Samples, ms_to_periods, to_bytes


class Gate(Enum):
    """What becomes of a near frame."""

    CLOSED = auto()
    HELD = auto()
    OPEN = auto()


class Uplink:
    """Near frames in, chunks of wire audio (int16 mono 24 kHz bytes) out."""

    def __init__(self, held_ms: int = 8_000) -> None:
        """`held_ms`: sound that can be held, more than a connection may take; older frames are dropped and counted."""
        self.gate = Gate.CLOSED
        self._ring: deque[NearFrame] = deque(maxlen=ms_to_periods(held_ms))
        self._from_index = 0
        """First frame that may be sent, by order of hold and open."""
        self._voice_index: int | None = None
        """First frame of words spoken over the assistant, while those may still be due."""
        self._tail_until_index = 0
        """Frames before this one may hold the tail of our own echo: they wait for it to end, and go if free of it."""
        self._next_index = 0
        """First frame that was not sent yet."""
        self._resampler = Resampler(NEAR_RATE_HZ, WIRE_RATE_HZ)
        self.sent_frames = 0
        """Near frames sent since the process started."""
        self.overflowed_frames = 0
        """Frames that were to be sent when the gate opened, and had fallen out of the ring."""

    def push(self, frame: NearFrame) -> list[bytes]:
        """Take the next frame; chunks to send now, none unless open."""
        self._ring.append(frame)
        if self.gate is not Gate.OPEN:
            return []
        if self._next_index < self._tail_until_index:
            return self._send_due()
        return self._send(frame) if self._is_due(frame) else []

    def hold(self, from_index: int | None = None) -> list[bytes]:
        """Stop sending; `open` will begin at `from_index` (None: at the next frame). What was left to send."""
        tail = self._end_stream()
        self.gate = Gate.HELD
        self._from_index = self._newest_index() + 1 if from_index is None else from_index
        return tail

    def open(self, from_index: int | None = None, skip_ms: int = 0, voice_index: int | None = None) -> list[bytes]:
        """Begin to send; what is due by now.

        `voice_index`: from this frame on the user speaks over the assistant, so more of him is let through.
        `from_index` overrides what `hold` said. `skip_ms` leaves out what was held and, unless it is free
        of echo, that much sound from now on: it waits until all of it is there, for a decision may still be on
        its way that the user began to speak before (then `open` again, with `from_index`).
        """
        self.gate = Gate.OPEN
        self._voice_index = voice_index
        if skip_ms:
            self._from_index = self._newest_index() + 1
            self._tail_until_index = self._from_index + ms_to_periods(skip_ms)
        elif from_index is not None:
            self._from_index, self._tail_until_index = from_index, 0
        if len(self._ring) == self._ring.maxlen:
            self.overflowed_frames += max(0, self._ring[0].index - max(self._from_index, self._next_index))
        return self._send_due()

    def close(self) -> None:
        """Send nothing more and forget everything: nothing said before now can be sent later."""
        self.forget()
        self.gate = Gate.CLOSED

    def _send_due(self) -> list[bytes]:
        if self._newest_index() + 1 < self._tail_until_index:
            return []
        return [chunk for frame in self._ring if self._is_due(frame) for chunk in self._send(frame)]

    def forget(self) -> None:
        """Nothing heard before now can be sent later; the gate stays as it is."""
        self._end_stream()
        self._ring.clear()

    def _is_due(self, frame: NearFrame) -> bool:
        clean = frame.echo_free or frame.index >= self._tail_until_index
        return clean and frame.index >= max(self._from_index, self._next_index)

    def _newest_index(self) -> int:
        return self._ring[-1].index if self._ring else self._next_index - 1

    def _send(self, frame: NearFrame) -> list[bytes]:
        self._next_index = frame.index + 1
        self.sent_frames += 1
        over = self._voice_index is not None and frame.index >= self._voice_index
        sound = frame.over_samples if over and frame.over_samples is not None else frame.samples
        return _chunks(self._resampler.push(sound))

    def _end_stream(self) -> list[bytes]:
        return _chunks(self._resampler.flush()) if self.gate is Gate.OPEN else []


def silence(ms: int) -> list[bytes]:
    """Chunks of silence for the wire, 20 ms each."""
    chunk = bytes(2 * WIRE_RATE_HZ * PERIOD_MS // 1000)
    return [chunk] * ms_to_periods(ms)


def _chunks(samples: Samples) -> list[bytes]:
    return [to_bytes(samples)] if samples.size else []
