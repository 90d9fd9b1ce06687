"""Tells a SIGHUP that asks for the configuration from one that says that the terminal is gone."""

from __future__ import annotations

import os

STDIN = 0


class Terminal:
    """Made at the start."""

    def __init__(self) -> None:
        self._was_there = os.isatty(STDIN)

    def is_gone(self) -> bool:
        """The daemon was started on a terminal that has been closed since."""
        if not self._was_there:
            return False
        try:
            os.tcgetpgrp(STDIN)
        except OSError:
            return True
        return False
