"""What the loudspeaker plays, handed to the echo canceller in step with the microphone. Pure.

The playback thread pushes each period as it writes it to the card; the front-end pulls 20 ms for each near
frame. Both count frames, so sample n of the one keeps its distance to sample n of the other with no clock
read: what is pulled was written just now and sounds when the card has played what lay before it, about 20 ms
of it at least, and it goes with a near frame that began 20 ms ago. So the reference leads its echo by about
40 ms less `slack`, and that it leads is all that a canceller needs.

    card writes ──→ [ fifo ] ──→ pulled with the near frame        slack = what is left after a pull

A thread that comes late does not move the echo, for the card had enough to play: what is missing is silence in the
reference, and is left out when it comes. Only when it stays late have the clocks drifted, and the distance changes.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from speakerd.dsp.resample import QuickResampler
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, Samples, ms_to_frames

BOUND_FRAMES = ms_to_frames(500, NEAR_RATE_HZ)
"""More than this means that nobody pulls: all of it is stale."""

WINDOW_PULLS = 50
"""Slack is judged by the least of a second: threads come late now and then, never early."""

MOST_SLACK_FRAMES = ms_to_frames(10, NEAR_RATE_HZ)
"""More is taken away: at once in silence, else a little every second. It lets the echo come closer to its reference."""

DRIFT_FRAMES = 3
"""A second's worth of two clocks that differ by 200 ppm."""

URGENT_SLACK_FRAMES = ms_to_frames(20, NEAR_RATE_HZ)
"""More is taken away at once: the echo might overtake."""

KEPT_SLACK_FRAMES = ms_to_frames(8, NEAR_RATE_HZ)
"""What is left for threads that come late."""

MOST_LATE_PULLS = 10
"""Of a second's pulls. More mean that it will not catch up."""

NOTABLE_FRAMES = ms_to_frames(3, NEAR_RATE_HZ)
"""Cancellers follow smaller steps as they follow clocks that drift; larger ones they must learn anew."""


class Reference:
    """A queue between two threads; its owner's lock guards it."""

    def __init__(self) -> None:
        self.realigned = 0
        """Times the distance to the microphone changed while something sounded."""
        self.late = 0
        """Pulls that found too little."""
        self._resampler = QuickResampler(NEAR_RATE_HZ, NEAR_RATE_HZ)
        self._blocks: deque[Samples] = deque()
        self._frames = 0
        self._flowing = False
        self._aligned = True
        self._least_slack = BOUND_FRAMES
        self._pulls = 0
        self._late_pulls = 0
        """Of those of the last second."""
        self._owed_frames = 0
        """Handed out as silence because they had not come yet; to be left out when they come."""
        self._audible_pulls = 0
        """Pulls, of the last second, since something sounded; 0 means now."""

    def push(self, samples: Samples, rate_hz: int) -> None:
        """Take what is written to the card now, after volume and ducking: int16 mono at `rate_hz`."""
        if self._resampler.in_hz != rate_hz:
            self._resampler = QuickResampler(rate_hz, NEAR_RATE_HZ)
            self.interrupt()
        block = self._resampler.push(samples)
        self._blocks.append(block)
        self._frames += block.size
        settled = min(self._owed_frames, self._frames)
        self._skip(settled)
        self._owed_frames -= settled
        if self._frames > BOUND_FRAMES:
            self.interrupt()

    def interrupt(self) -> None:
        """The card lost its sound or rests: what waits here will not sound at its time, if ever."""
        self._blocks.clear()
        self._frames = self._owed_frames = 0
        self._flowing = False

    def pull(self, *, gap: bool) -> tuple[Samples, bool]:
        """320 frames for the next near frame, 16 kHz, and False if their distance to the microphone has changed.

        `gap`: near sound was lost ahead of that frame.
        """
        begins = not self._flowing and self._frames >= NEAR_PERIOD_FRAMES + KEPT_SLACK_FRAMES
        if begins or gap:
            self._flowing |= begins
            self._step(NOTABLE_FRAMES)
            self._skip(self._frames - NEAR_PERIOD_FRAMES - KEPT_SLACK_FRAMES)
        far = self._take() if self._flowing else np.zeros(NEAR_PERIOD_FRAMES, np.int16)
        self._trim()
        self._audible_pulls = 0 if far.any() else self._audible_pulls + 1
        aligned, self._aligned = self._aligned, True
        if not aligned and self._audible_pulls < WINDOW_PULLS:
            self.realigned += 1
        return far, aligned

    def _take(self) -> Samples:
        far = np.zeros(NEAR_PERIOD_FRAMES, np.int16)
        taken = 0
        while taken < far.size and self._blocks:
            block = self._blocks.popleft()
            part = block[: far.size - taken]
            far[taken : taken + part.size] = part
            taken += part.size
            if part.size < block.size:
                self._blocks.appendleft(block[part.size :])
        self._frames -= taken
        if taken < far.size:
            self._came_late(far.size - taken)
        self._least_slack = min(self._least_slack, self._frames)
        self._pulls += 1
        return far

    def _came_late(self, missing: int) -> None:
        self.late += 1
        self._late_pulls += 1
        self._owed_frames += missing
        if self._late_pulls > MOST_LATE_PULLS:  # from here on all comes so much later
            self._step(self._owed_frames)

    def _trim(self) -> None:
        """Once a second, take away the slack that was never used."""
        if self._pulls < WINDOW_PULLS:
            return
        least = self._least_slack
        self._begin_window()
        if least <= MOST_SLACK_FRAMES:
            return
        silent = self._audible_pulls >= WINDOW_PULLS // 2
        excess = least - KEPT_SLACK_FRAMES if silent or least > URGENT_SLACK_FRAMES else DRIFT_FRAMES
        self._step(excess)
        self._skip(excess)

    def _skip(self, frames: int) -> None:
        while frames > 0 and self._blocks:
            block = self._blocks.popleft()
            kept = block[frames:]
            self._frames -= block.size - kept.size
            frames -= block.size
            if kept.size:
                self._blocks.appendleft(kept)

    def _step(self, frames: int) -> None:
        """The distance to the microphone changes by so much."""
        self._aligned &= frames < NOTABLE_FRAMES
        self._owed_frames = 0
        self._begin_window()

    def _begin_window(self) -> None:
        self._least_slack = BOUND_FRAMES
        self._pulls = self._late_pulls = 0
