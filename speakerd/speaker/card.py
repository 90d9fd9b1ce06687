"""One opened sink, and how full it is kept."""

from __future__ import annotations

import threading

from speakerd.hw.device import PcmSink
from speakerd.pcm import Samples
from speakerd.speaker.fill import FillTarget

_REST_S = 1.0
_SHORTEST_WAIT_S = 0.002
"""Cards tell how far they are in steps, some of 20 ms; asking more often would bring nothing but work."""


class Card:
    """Belongs to the playback thread. Each method raises DeviceError when the sink stops working."""

    def __init__(self, sink: PcmSink, wake: threading.Event) -> None:
        """`wake`, set by other threads, ends the waiting."""
        self.rate_hz = sink.rate_hz
        self.period_frames = sink.period_frames
        self._sink = sink
        self._wake = wake
        self._fill = FillTarget(sink.period_frames, sink.buffer_frames)
        self.moved = False
        """It has played some of what was written: it does not only open."""
        self._written_frames = 0
        """Since it was last empty by our doing."""

    @property
    def fill_periods(self) -> int:
        """Periods that are kept in the sink."""
        return self._fill.periods

    def await_room(self, *, hurry: bool) -> bool:
        """Wait here, not in `write`: a flush is seen at once, and the newest sound is taken as late as can be.

        True if a period is to be written now; else ask again. `hurry`: wait for as short as makes sense.
        """
        excess_frames = self.period_frames - self._fill.room_frames(self._sink.queued_frames())
        if excess_frames <= 0:
            return True
        self._wake.wait(_SHORTEST_WAIT_S if hurry else max(_SHORTEST_WAIT_S, excess_frames / self.rate_hz))
        self._wake.clear()
        return False

    def write(self, samples: Samples) -> int:
        """Queue a period; the underruns survived on the way."""
        xruns = self._sink.write(samples)
        self._fill.wrote(xruns)
        self._written_frames += samples.size
        return xruns

    def queued_frames(self) -> int:
        """Frames written that are not audible yet."""
        queued = self._sink.queued_frames()
        self.moved = self.moved or queued < self._written_frames
        return queued

    def drop(self) -> int:
        """Fall silent at once; the frames that never sounded."""
        self._written_frames = 0
        return self._sink.drop()

    def rest(self) -> None:
        """Leave the sink stopped until there is something to play, or for a second."""
        self.drop()
        self._wake.wait(_REST_S)
        self._wake.clear()
        self._sink.queued_frames()  # raises if the card was unplugged
        self._fill.rested()
