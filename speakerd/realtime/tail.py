"""The newest sound that was sent, for a session that takes over: no word falls between two sockets. Pure."""

from __future__ import annotations

from collections import deque

from speakerd.pcm import BYTES_PER_SAMPLE, WIRE_RATE_HZ

SHORT_S = 0.5
"""Kept while all is well."""
LONG_S = 15.0
"""Kept while it is not sure that the server hears."""


class Tail:
    """int16 mono 24 kHz chunks, bounded in seconds."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._bytes = 0
        self._limit_s = SHORT_S
        self.dropped = 0
        """Chunks that fell out while all was to be kept."""

    def keep(self, pcm: bytes) -> None:
        """One more chunk."""
        self._chunks.append(pcm)
        self._bytes += len(pcm)
        self._trim()

    def limit(self, seconds: float) -> None:
        """Keep so much from now on."""
        self._limit_s = seconds
        self._trim()

    def clear(self) -> None:
        """Forget all: it has served."""
        self._chunks.clear()
        self._bytes = 0

    def chunks(self) -> list[bytes]:
        """Oldest first."""
        return list(self._chunks)

    def _trim(self) -> None:
        while self._bytes > self._limit_s * WIRE_RATE_HZ * BYTES_PER_SAMPLE:
            self._bytes -= len(self._chunks.popleft())
            self.dropped += self._limit_s == LONG_S
