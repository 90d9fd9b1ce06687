"""What the loudspeaker plays, and when. Pure."""

from __future__ import annotations

from collections import deque

from speakerd.pcm import Samples, level_dbfs

SILENT_DBFS = -120.0
_KEPT_S = 2.0


class Reference:
    """Loudness of the far end over the last two seconds and what the card still holds."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[float, float, float]] = deque()  # (from_s, until_s, level_dbfs), in order

    def push(self, samples: Samples, audible_at_s: float, rate_hz: int) -> None:
        """Note a block as written to the card, after volume; its first sample sounds at `audible_at_s`, monotonic."""
        until_s = audible_at_s + samples.size / rate_hz
        level = level_dbfs(samples) if samples.any() else SILENT_DBFS
        self._blocks.append((audible_at_s, until_s, level))
        while self._blocks[0][1] < audible_at_s - _KEPT_S:
            self._blocks.popleft()

    def drop(self, after_s: float) -> None:
        """The card was silenced at `after_s`: what was to sound later never will."""
        while self._blocks and self._blocks[-1][0] >= after_s:
            self._blocks.pop()

    def level_dbfs(self, until_s: float, window_ms: float = 300.0) -> float:
        """Level of the loudest block that sounded within `window_ms` before `until_s`; −120 if none did."""
        from_s = until_s - window_ms / 1000.0
        return max(
            (level for start_s, end_s, level in self._blocks if start_s < until_s and end_s > from_s),
            default=SILENT_DBFS,
        )
