"""Is there no echo at all, as with headphones, or a speakerphone that cancels its own? Pure.

The detector of voices over the loudspeaker learns what the echo is like; where there is none it hears the user late
or not at all. But then nothing can be taken for the user either.
"""

from __future__ import annotations

from collections import deque

ABOVE_ROOM = 2.0
"""The microphone hears nothing of us if it hears less than this times the room where it is quietest (power: 3 dB)."""

BELOW_ROOM = 0.1
"""Less than this (10 dB) times that is not the room that it was, as when a radio was switched off: it may be echo, …"""

NOTHING = 1e-6
"""… but for what is so faint (power: −60 dBFS) that it does not matter what it is."""

UNEXPLAINED = 0.8
"""… and only if the loudspeaker explains less than a fifth of that: the room may be quieter now than it was.

Of a room without echo it explains next to nothing, whoever speaks in it.
"""

LOUD_DB = 6.0
"""The reference is loud within so much of its loudest of late: where that is not heard, nothing is."""

FADE_DB = 0.05
"""How much of the loudest is forgotten each frame: 2.5 dB a second."""

FAINT_DBFS = -60.0
"""A reference that never was above this proves nothing."""

SILENT_FRAMES = 15
"""300 ms in which the microphone hears nothing are a proof …"""

PAUSE_FRAMES = 10
"""… if the reference was loud, with pauses of at most 200 ms, …"""

LOUD_FRAMES = 35
"""… for 700 ms: so a loud frame was to be heard in them, whatever the echo's delay, to 400 ms."""

TRUSTED_FRAMES = 1_500
"""For so much playback, half a minute, a proof holds if it gets no louder: people turn knobs, and move things."""


class Echoless:
    """Fed every frame in which something plays, by one thread. For one path: a new one wants another."""

    def __init__(self) -> None:
        self._near_powers: deque[float] = deque(maxlen=SILENT_FRAMES)
        self._left_powers: deque[float] = deque(maxlen=SILENT_FRAMES)
        self._loudest_dbfs = FAINT_DBFS + LOUD_DB
        self._proven_dbfs = 0.0
        """The loudest that was not heard, while that is trusted."""
        self._trusted_frames = self._loud_frames = 0
        self._since_loud = PAUSE_FRAMES + 1

    @property
    def proven(self) -> bool:
        """True if the microphone did not hear the loudspeaker of late."""
        return self._trusted_frames > 0

    def feed(self, near_power: float, left_power: float, far_dbfs: float, floor_power: float) -> None:
        """Power of the microphone, of it less a linear estimate of the echo, and of the quietest room; ±1 full scale.

        And the level of the reference.
        """
        self._trusted_frames = max(0, self._trusted_frames - 1)
        known_dbfs = self._proven_dbfs if self.proven else self._loudest_dbfs
        if far_dbfs > known_dbfs + LOUD_DB:  # turned up: this may well be heard
            self._trusted_frames = self._loud_frames = 0
        self._near_powers.append(near_power)
        self._left_powers.append(left_power)
        heard = sum(self._near_powers)
        if sum(self._left_powers) < UNEXPLAINED * heard:
            self._trusted_frames = self._loud_frames = 0
        self._loudest_dbfs = max(far_dbfs, self._loudest_dbfs - FADE_DB, FAINT_DBFS + LOUD_DB)
        self._since_loud = 0 if far_dbfs > self._loudest_dbfs - LOUD_DB else self._since_loud + 1
        self._loud_frames = self._loud_frames + 1 if self._since_loud <= PAUSE_FRAMES else 0
        if self._loud_frames >= LOUD_FRAMES and _only_room(heard / SILENT_FRAMES, floor_power):
            self._proven_dbfs = max(self._proven_dbfs, self._loudest_dbfs) if self.proven else self._loudest_dbfs
            self._trusted_frames = TRUSTED_FRAMES


def _only_room(heard_power: float, floor_power: float) -> bool:
    if heard_power >= ABOVE_ROOM * floor_power:
        return False
    return heard_power > BELOW_ROOM * floor_power or heard_power < NOTHING
