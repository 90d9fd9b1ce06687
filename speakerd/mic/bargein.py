"""Does the user speak over the loudspeaker? A level comparison after Geigel, without echo cancellation. Pure.

The microphone must be louder than the echo can be: far-end level + coupling (how much louder the echo
arrives than it was sent, learnt while playing) + a margin. It must also sound like a voice, in most of
the frames of a short window. Quiet talk under a loud loudspeaker is therefore missed; the wake word is
always there. A canceller and a better detector take this place behind the same `feed`.
"""

from __future__ import annotations

from collections import deque

from speakerd.conversation.events import BargeInDetected

WINDOW_FRAMES = 13
"""Frames that decide: 260 ms."""

NEEDED_FRAMES = 8
"""Frames of the window that must be louder than the echo and voiced: 160 ms is the soonest decision."""

MARGIN_DB = 5.0
"""Above the expected echo by this much."""

FLOOR_DBFS = -45.0
"""Nothing quieter counts."""

START_COUPLING_DB = 3.0
"""Before anything was learnt: a loudspeaker beside the microphone, turned up."""

_RISE_DB = 0.5  # per frame above the estimate …
_FALL_DB = 0.15  # … and below it: settles where a quarter of the frames are above
_FIRST_FRAMES = 50  # in the first second of sound ever …
_FIRST_FALL_DB = 0.6  # … the start value, a guess for the worst, is left behind in half of it
_COUPLING_RANGE_DB = (-50.0, 20.0)
_FAR_AUDIBLE_DBFS = -50.0  # a quieter far end teaches nothing


class BargeInDetector:
    """Fed every near frame in order by one thread, and only while the loudspeaker plays."""

    def __init__(self) -> None:
        self.coupling_db = START_COUPLING_DB
        """Level of the echo minus level of the far end, as learnt so far; kept over resets."""
        self._learnt_frames = 0
        self._window: deque[int | None] = deque(maxlen=WINDOW_FRAMES)  # index where it may be the user

    def reset(self) -> None:
        """Forget the frames: the loudspeaker fell silent."""
        self._window.clear()

    def feed(self, index: int, near_dbfs: float, voiced: bool, far_dbfs: float | None) -> BargeInDetected | None:
        """Take near frame `index`. `far_dbfs`: loudest 20 ms that the loudspeaker played in the last 300 ms.

        None for an unknown far end: then voice and floor decide alone. Fires at most once in a window.
        """
        louder = near_dbfs > self._threshold_dbfs(far_dbfs)
        if far_dbfs is not None and far_dbfs > _FAR_AUDIBLE_DBFS:
            self._learn(near_dbfs - far_dbfs)
        self._window.append(index if louder and voiced else None)
        hits = [i for i in self._window if i is not None]
        if len(hits) < NEEDED_FRAMES:
            return None
        self._window.clear()
        return BargeInDetected(onset_index=hits[0], level_dbfs=near_dbfs)

    def _threshold_dbfs(self, far_dbfs: float | None) -> float:
        if far_dbfs is None:
            return FLOOR_DBFS
        return max(FLOOR_DBFS, far_dbfs + self.coupling_db + MARGIN_DB)

    def _learn(self, ratio_db: float) -> None:
        # The user's own frames teach too: false alarms then heal themselves, and eight frames cost 4 dB.
        fall_db = _FIRST_FALL_DB if self._learnt_frames < _FIRST_FRAMES else _FALL_DB
        self._learnt_frames += 1
        step = _RISE_DB if ratio_db > self.coupling_db else -fall_db
        low, high = _COUPLING_RANGE_DB
        self.coupling_db = min(high, max(low, self.coupling_db + step))
