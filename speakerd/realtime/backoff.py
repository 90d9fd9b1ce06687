"""When to try a connection again. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable

from speakerd.realtime.troubles import NOTICES, trouble_of

FIRST_S = 1.0
MOST_S = 300.0
LONGEST_S = 3_600.0
"""However long a server asks us to wait."""
STEADY_S = 30.0
"""A session that lived so long counts as a success."""


class Backoff:
    """Doubles the wait with each failure in a row; gives up for good where only a human can help."""

    def __init__(self, random: Callable[[], float]) -> None:
        """`random` gives values from 0 to 1: so many speakers of one house do not come back at once."""
        self._random = random
        self._failures = 0
        self.not_before_s = 0.0
        """CLOCK_MONOTONIC seconds; infinite once it is of no use."""

    def succeeded(self) -> None:
        """A connection works: begin anew with the next failure."""
        self._failures = 0
        self.not_before_s = 0.0

    def failed(self, code: str, retry_after_s: float, now_s: float) -> None:
        """A connection ended, or never came to be; `code` as in SessionEnded, empty if it was in order."""
        trouble = trouble_of(code)
        if trouble is not None and NOTICES[trouble].lasting:
            self.not_before_s = math.inf
            return
        wait_s = min(MOST_S, FIRST_S * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self.not_before_s = now_s + max(min(retry_after_s, LONGEST_S), wait_s * (0.5 + self._random()))
