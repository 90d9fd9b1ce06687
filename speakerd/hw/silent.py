"""A loudspeaker that nobody hears: keeps the pace of a card by the clock alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from speakerd.pcm import PERIOD_MS, Samples, ms_to_frames


class SilentSink:
    """PcmSink without a device, for the time in which there is none."""

    def __init__(
        self,
        rate_hz: int,
        buffer_ms: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`clock` tells seconds, `sleep` waits for some; another pair makes time virtual."""
        self._rate_hz = rate_hz
        self._buffer_frames = ms_to_frames(buffer_ms, rate_hz)
        self._clock = clock
        self._sleep = sleep
        self._empty_at_s: float | None = None  # when all that was written will have sounded; None: not started

    @property
    def rate_hz(self) -> int:
        """The rate asked for."""
        return self._rate_hz

    @property
    def period_frames(self) -> int:
        """20 ms."""
        return ms_to_frames(PERIOD_MS, self._rate_hz)

    @property
    def buffer_frames(self) -> int:
        """The buffer asked for."""
        return self._buffer_frames

    def write(self, samples: Samples) -> int:
        """Wait for room; 1 if a card would have run empty before these samples came."""
        excess = self.queued_frames() + samples.size - self._buffer_frames
        if excess > 0:
            self._sleep(excess / self._rate_hz)
        now_s = self._clock()
        underrun = self._empty_at_s is not None and self._empty_at_s < now_s
        self._empty_at_s = (now_s if self._empty_at_s is None or underrun else self._empty_at_s) + (
            samples.size / self._rate_hz
        )
        return int(underrun)

    def queued_frames(self) -> int:
        """Frames that a card would still hold."""
        if self._empty_at_s is None:
            return 0
        return max(0, round((self._empty_at_s - self._clock()) * self._rate_hz))

    def drop(self) -> int:
        """Forget what is queued."""
        queued = self.queued_frames()
        self._empty_at_s = None
        return queued

    def close(self) -> None:
        """Nothing to release."""
        self.drop()
