"""How well is the echo cancelled? Measured while the assistant talks, from three levels. Pure.

Echo return loss enhancement (ERLE) is the microphone's level less the canceller's output, in dB. In a room
with music it says little: what is left is music. So the canceller is called poor only where what it left
is louder than the room is without us.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

WINDOW_FRAMES = 10
"""200 ms of playback make one measurement: of the echo, if the microphone hears something in half of them."""

WINDOWS = 25
"""Measurements that are judged: the last five seconds of playback."""

LEAST_WINDOWS = 7
"""So many on a new path, before one that was poor can be good again."""

LEAST_ERLE_DB = 15.0
"""Below this a voice detector hears the assistant."""

ABOVE_ROOM_DB = 6.0
"""What is left of the echo counts from here above the room's own sound."""

AUDIBLE_DB = 10.0
"""Echo this far above the room's own sound can be measured."""

ROOM_AFTER_FRAMES = 50
"""1 s after the loudspeaker's last sound the microphone hears the room, however late an echo comes."""

_POOR_SHARE = 0.6  # of the windows: people who talk over it fill less; and good again when fewer than …
_GOOD_SHARE = 0.3
_FIRST_ROOM_DBFS = -60.0
_ROOM_WINDOWS = 50  # the last ten seconds without us; people speak in them, but a quarter of the time is pauses
_ROOM_QUANTILE = 0.25
_FLOOR_QUANTILE = 0.1
_FLOOR_WINDOWS = 15  # in the first three seconds there may have been nothing but the user's question


@dataclass(frozen=True, slots=True)
class EchoFigures:
    """What was measured since it was last asked for."""

    erle_db: float | None
    """Median over the windows of audible echo; None if there were too few to tell."""
    echo_dbfs: float | None
    """Median level of the echo at the microphone."""


class EchoMeter:
    """Fed every frame, also those in which nothing plays, by one thread."""

    def __init__(self) -> None:
        self.poor = False
        """True while the canceller leaves an echo that others would take for the user."""
        self._room_power = self._floor_power = _power(_FIRST_ROOM_DBFS)
        self._room_windows: deque[float] = deque(maxlen=_ROOM_WINDOWS)
        self._room_sum, self._room_frames = 0.0, 0
        self._silent_frames = ROOM_AFTER_FRAMES
        self._begin_window()
        self._broken: deque[bool] = deque(maxlen=WINDOWS)
        self._erle_db: deque[float] = deque(maxlen=1_000)
        self._echo_dbfs: deque[float] = deque(maxlen=1_000)

    @property
    def floor_power(self) -> float:
        """The room's own sound at the microphone where it is quietest, as between people's words; ±1 full scale.

        A quiet room's until it has been heard for three seconds.
        """
        return self._floor_power

    def feed(self, near_dbfs: float, out_dbfs: float, *, far_audible: bool) -> None:
        """Take one frame's levels, before and after the canceller; `far_audible`: with sound from the loudspeaker."""
        near, out = _power(near_dbfs), _power(out_dbfs)
        if not far_audible:
            self._silent_frames += 1
            if self._silent_frames > ROOM_AFTER_FRAMES:
                self._listen_to_room(near)
            return
        self._silent_frames = 0
        self._frames += 1
        if near >= self._room_power * _power(AUDIBLE_DB):
            self._near_power += near
            self._out_power += out
            self._audible_frames += 1
        if self._frames == WINDOW_FRAMES:
            self._measure()

    def forget(self) -> None:
        """The path is a new one: what was measured says nothing about it; but what was poor must prove itself."""
        self._broken.clear()
        self._begin_window()

    def take(self) -> EchoFigures:
        """The figures since the last call."""
        figures = EchoFigures(_median(self._erle_db), _median(self._echo_dbfs))
        self._erle_db.clear()
        self._echo_dbfs.clear()
        return figures

    def _listen_to_room(self, near: float) -> None:
        self._room_sum += near
        self._room_frames += 1
        if self._room_frames == WINDOW_FRAMES:
            self._room_windows.append(self._room_sum / WINDOW_FRAMES)
            self._room_sum, self._room_frames = 0.0, 0
            powers = sorted(self._room_windows)
            self._room_power = powers[int(_ROOM_QUANTILE * len(powers))]
            if len(powers) >= _FLOOR_WINDOWS:
                self._floor_power = powers[int(_FLOOR_QUANTILE * len(powers))]

    def _measure(self) -> None:
        broken = False
        if self._audible_frames >= WINDOW_FRAMES // 2:
            erle_db = 10 * math.log10(self._near_power / max(self._out_power, 1e-12))
            self._erle_db.append(erle_db)
            self._echo_dbfs.append(10 * math.log10(self._near_power / self._audible_frames))
            left_over = self._out_power / self._audible_frames > self._room_power * _power(ABOVE_ROOM_DB)
            broken = erle_db < LEAST_ERLE_DB and left_over
        self._broken.append(broken)
        self._judge()
        self._begin_window()

    def _begin_window(self) -> None:
        self._near_power = self._out_power = 0.0
        self._frames = self._audible_frames = 0

    def _judge(self) -> None:
        count, broken = len(self._broken), sum(self._broken)
        if self.poor:
            self.poor = count < LEAST_WINDOWS or broken > _GOOD_SHARE * count
        else:
            self.poor = count == WINDOWS and broken > _POOR_SHARE * count


def _power(level_db: float) -> float:
    return float(10.0 ** (level_db / 10.0))


def _median(values: deque[float]) -> float | None:
    return sorted(values)[len(values) // 2] if len(values) >= 5 else None
