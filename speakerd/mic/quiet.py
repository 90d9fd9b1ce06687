"""Is the room so quiet that nobody can be speaking? Then the wake models may rest. Pure; time counts frames."""

from __future__ import annotations

REST_AFTER_FRAMES = 100
"""2 s without anything: longer than any pause within a wake word."""

STIR_DB = 3.0
"""Above the noise floor by this much, a frame is something. Steady noise varies by 0.3 dB from frame to frame."""

LOWEST_FLOOR_DBFS = -75.0
"""What is quieter than this is silence to any microphone."""

_RISE_DB = 0.02  # per frame: a fan that starts is part of the quiet after some seconds


class QuietRoom:
    """Fed every near frame in order. Errs on the side of noise: it saves CPU, and must cost no wake word."""

    def __init__(self) -> None:
        self._floor_dbfs = 0.0
        self._quiet_frames = 0

    def feed(self, near_dbfs: float, voiced: bool) -> bool:
        """Take a frame's level and whether it may hold a voice; True while the room has been quiet for two seconds."""
        level_dbfs = max(near_dbfs, LOWEST_FLOOR_DBFS)
        self._floor_dbfs = min(level_dbfs, self._floor_dbfs + _RISE_DB)
        stirs = voiced or level_dbfs > self._floor_dbfs + STIR_DB
        self._quiet_frames = 0 if stirs else self._quiet_frames + 1
        return self._quiet_frames > REST_AFTER_FRAMES
