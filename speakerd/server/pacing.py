"""The sound of a response that waits to be sent, and the pace at which it leaves. Pure.

Sound is sent faster than it plays, but not at once, so that a cancel still finds something to stop.
"""

from __future__ import annotations

from speakerd.server.audio import AudioFormat

CHUNK_MS = 200
LEAD_MS = 400
"""Sound that is sent at once."""
PACE = 4.0
"""Sound is sent so many times faster than it plays."""


class SpeechQueue:
    """Sentences in, chunks of at most 200 ms out, each with the words that begin in it."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self.started_s = 0.0
        """When the first sound was put in; 0 before."""
        self._format = audio_format
        self._data = bytearray()
        self._sent_bytes = 0
        self._put_bytes = 0
        self._sentences: list[tuple[int, str]] = []
        """(position of its first byte, sentence), not yet taken."""

    @property
    def waiting_ms(self) -> float:
        """Sound that was not taken yet."""
        return self._format.ms(len(self._data))

    @property
    def due_s(self) -> float | None:
        """When the next chunk is to be taken; None if there is none."""
        if not self._data:
            return None
        ahead_ms = self._format.ms(self._sent_bytes) + CHUNK_MS - LEAD_MS
        return self.started_s + max(0.0, ahead_ms) / 1000 / PACE

    def put(self, sentence: str, data: bytes, now_s: float) -> None:
        """Add a sentence and its sound, as on the wire."""
        self.started_s = self.started_s or now_s
        self._sentences.append((self._put_bytes, sentence))
        self._put_bytes += len(data)
        self._data += data

    def take(self) -> tuple[list[str], bytes]:
        """The next chunk, and the sentences that begin with it."""
        words: list[str] = []
        while self._sentences and self._sentences[0][0] <= self._sent_bytes:
            words.append(self._sentences.pop(0)[1])
        n = self._format.n_bytes(CHUNK_MS)
        if self._sentences:
            n = min(n, self._sentences[0][0] - self._sent_bytes)
        chunk = bytes(self._data[:n])
        del self._data[:n]
        self._sent_bytes += len(chunk)
        return words, chunk

    def clear(self) -> None:
        """Throw away what was not taken."""
        self._data.clear()
        self._sentences.clear()
