"""Does the microphone give anything but one number? Pure.

Every converter has some noise. One that gives the same sample for ever is muted, or its path is dead. But some
speakerphones give zeros between words: what comes back by itself is believed longer each time.
"""

from __future__ import annotations

from speakerd.pcm import NEAR_RATE_HZ, Samples

FIRST_FRAMES = 30 * NEAR_RATE_HZ
"""Half a minute."""

LAST_FRAMES = 3_600 * NEAR_RATE_HZ
"""An hour."""


class DeadAir:
    """Fed all that the microphone gives."""

    def __init__(self) -> None:
        self.dead = False
        """True from the first alarm until something is heard."""
        self._limit_frames = FIRST_FRAMES
        self._same_frames = 0

    def feed(self, samples: Samples) -> bool:
        """Take some more; True when it has been dead too long again: each time twice as long as the time before."""
        if samples.size and (samples != samples[0]).any():
            self.dead = False
            self._same_frames = 0
            return False
        self._same_frames += samples.size
        if self._same_frames < self._limit_frames:
            return False
        self.dead = True
        self._same_frames = 0
        self._limit_frames = min(2 * self._limit_frames, LAST_FRAMES)
        return True
