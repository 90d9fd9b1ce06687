"""Notices when the clock on the wall is set. Nothing here waits by it; it explains the journal's times, and bills."""

from __future__ import annotations

import logging

from speakerd.logfields import fields

log = logging.getLogger(__name__)

JUMP_S = 30.0
"""Less is a correction, or a machine that was busy."""


class ClockWatch:
    """Asked every few seconds."""

    def __init__(self) -> None:
        self._ahead_s: float | None = None

    def look(self, wall_s: float, now_s: float) -> None:
        """`wall_s`: Unix time, `now_s`: CLOCK_BOOTTIME, both of this moment."""
        before_s, self._ahead_s = self._ahead_s, wall_s - now_s
        jump_s = round(self._ahead_s - before_s) if before_s is not None else 0
        if abs(jump_s) >= JUMP_S:
            days, rest_s = divmod(abs(jump_s), 86_400)
            told = f"{days} d {rest_s // 3600} h {rest_s % 3600 // 60} min {rest_s % 60} s"
            where = "ahead" if jump_s > 0 else "back"
            log.info("The clock was set %s by %s.", where, told, extra=fields(event="ClockJumped", jump_s=jump_s))
