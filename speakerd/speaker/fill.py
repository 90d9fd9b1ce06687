"""How much sound to keep in the card. Pure.

What the card holds cannot be taken back without a click, so all that is ordered (silence, a pause, a duck) is heard
that much later. What the card does not hold, a busy machine cannot play. So: little, and more where it was too little.
"""

from __future__ import annotations

LEAST_PERIODS = 2
"""40 ms after a write, 20 ms before the next: what a thread may come late without being heard."""

CALM_PERIODS = 15_000
"""Five minutes of sound and silence without an underrun, after which one period less is tried."""


class FillTarget:
    """Told of every write and every rest; one for each opened card."""

    def __init__(self, period_frames: int, buffer_frames: int) -> None:
        """`buffer_frames`: what the card can hold."""
        self._period_frames = period_frames
        self._buffer_frames = buffer_frames
        self._most_periods = max(1, buffer_frames // period_frames)
        self.periods = min(LEAST_PERIODS, self._most_periods)
        """Periods to have in the card after a write."""
        self._calm_periods = 0

    def room_frames(self, queued_frames: int) -> int:
        """Frames below the target with `queued_frames` in the card; write as soon as a period fits."""
        most = self._buffer_frames if self.periods == self._most_periods else self.periods * self._period_frames
        return most - queued_frames

    def wrote(self, xruns: int) -> None:
        """A period was written; before it the card had run empty `xruns` times."""
        self._calm_periods += 1
        if xruns:
            self.periods = min(self.periods + 1, self._most_periods)
            self._calm_periods = 0

    def rested(self) -> None:
        """The card was stopped: the one moment in which less leaves no hole in what sounds."""
        if self._calm_periods >= CALM_PERIODS:
            self.periods = max(self.periods - 1, min(LEAST_PERIODS, self._most_periods))
            self._calm_periods = 0
