"""The input audio buffer: received sound on the session's clock, and the turns found in it. Pure."""

from __future__ import annotations

import base64
import binascii

import numpy as np
import soxr

from speakerd.pcm import NEAR_RATE_HZ
from speakerd.server.audio import FORMATS, AudioFormat
from speakerd.server.requests import RequestError
from speakerd.server.settings import AudioInput, ServerVad
from speakerd.server.turns import TurnDetector, TurnEvent

MAX_APPEND_BYTES = 15 * 2**20
MAX_BUFFER_MS = 600_000
MIN_COMMIT_MS = 100


class Inbox:
    """One per session. Positions are ms of sound received since the session began."""

    def __init__(self, settings: AudioInput, vad: ServerVad | None) -> None:
        self.format: AudioFormat = FORMATS[settings.format.type]
        self._vad = vad
        self._data = bytearray()
        self._start_ms = 0.0
        self._restart()

    def configure(self, settings: AudioInput, vad: ServerVad | None) -> None:
        """Use new settings from here on; another format empties the buffer."""
        new_format = FORMATS[settings.format.type]
        if new_format != self.format:
            self.clear()
            self.format = new_format
            self._restart()
        if _hearing_of(vad) != _hearing_of(self._vad):
            self._vad = vad
            self._restart()
        self._vad = vad

    @property
    def end_ms(self) -> float:
        """Sound received so far."""
        return self._start_ms + self.format.ms(len(self._data))

    @property
    def buffered_ms(self) -> float:
        """Sound waiting to be committed."""
        return self.format.ms(len(self._data))

    @property
    def speaking(self) -> bool:
        """True while turn detection is inside a turn."""
        return self._detector is not None and self._detector.speaking

    def append(self, audio: str) -> list[TurnEvent]:
        """Add sound in base64 and judge it. Nothing is kept of an append that is refused."""
        if len(audio) > MAX_APPEND_BYTES * 4 // 3 + 4:
            raise RequestError("invalid_value", "Audio chunks are limited to 15 MiB.", "audio")
        try:
            data = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError):
            raise RequestError(
                "invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.", "audio"
            ) from None
        data = data[: len(data) // self.format.bytes_per_sample * self.format.bytes_per_sample]
        if self._detector is None and self.buffered_ms + self.format.ms(len(data)) > MAX_BUFFER_MS:
            message = f"The input audio buffer holds at most {MAX_BUFFER_MS // 1000} s: commit or clear it."
            raise RequestError("input_audio_buffer_full", message, "audio")
        self._data += data
        if self._detector is None:
            return []
        samples = self._to_near.resample_chunk(self.format.decode(data))
        return self._detector.feed(np.asarray(samples, dtype=np.int16))

    def cut(self, start_ms: float, end_ms: float) -> bytes:
        """Take the sound between two positions out; what lies before it is dropped."""
        data = self.peek(start_ms, end_ms)
        self._drop_before(end_ms)
        return data

    def peek(self, start_ms: float, end_ms: float) -> bytes:
        """The sound between two positions; it stays where it is."""
        first = max(0, self.format.n_bytes(start_ms - self._start_ms))
        return bytes(self._data[first : self.format.n_bytes(end_ms - self._start_ms)])

    def cut_all(self) -> bytes:
        """Take everything out; a turn that is being detected is forgotten."""
        data = bytes(self._data)
        self.clear()
        return data

    def clear(self) -> None:
        """Empty the buffer and forget the turn."""
        end_ms = self.end_ms
        self._data.clear()
        self._start_ms = end_ms
        self._restart()

    def trim(self) -> None:
        """Between turns, keep only what a turn's padding could still need."""
        if self._vad is not None and not self.speaking:
            self._drop_before(self.end_ms - self._vad.prefix_padding_ms - 1_000)

    def _restart(self) -> None:
        self._detector = TurnDetector(self._vad, int(self.end_ms)) if self._vad is not None else None
        self._to_near = soxr.ResampleStream(self.format.rate_hz, NEAR_RATE_HZ, 1, dtype="int16", quality="LQ")

    def _drop_before(self, position_ms: float) -> None:
        n = max(0, min(len(self._data), self.format.n_bytes(position_ms - self._start_ms)))
        del self._data[:n]
        self._start_ms += self.format.ms(n)


def _hearing_of(vad: ServerVad | None) -> tuple[float, ...] | None:
    """The settings that change what is heard; others must not tear a running turn."""
    return None if vad is None else (vad.threshold, vad.prefix_padding_ms, vad.silence_duration_ms)
