"""When the next sound is due from a microphone. Pure."""

from __future__ import annotations

from speakerd.pcm import NEAR_RATE_HZ

_RISE = 1.01
"""So quickly it follows a card that is late: one whose clock is slow, or that lost sound."""

_AT_ONCE_S = 0.001
"""What came sooner than this had been there before."""


class Pace:
    """Told of all that was fetched; one for each opened card. Sound may be fetched late, but is never there early."""

    def __init__(self) -> None:
        self._newest_s = 0.0
        """When the newest frame was there; 0 before the first."""

    def fetched(self, frames: int, asked_s: float, at_s: float) -> None:
        """So many frames (16 kHz) were asked for at `asked_s`, and there at `at_s`."""
        waited = at_s - asked_s > _AT_ONCE_S
        due_s = self._newest_s + frames / NEAR_RATE_HZ * (_RISE if waited else 1.0)
        self._newest_s = min(at_s, due_s) if self._newest_s else at_s

    def due_s(self, frames: int) -> float:
        """When so many more will be there; long ago if nobody knows."""
        return self._newest_s + frames / NEAR_RATE_HZ
