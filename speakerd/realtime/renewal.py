"""When a session is to be replaced by a fresh one: before it expires, or when it has become slow. Pure."""

from __future__ import annotations

from collections import deque
from statistics import median

MARGIN_S = 300.0
"""Time before the end in which a pause is looked for."""
SAMPLES = 3
SLOWER_BY_S = 0.5
"""What is not felt is not slow."""
USUAL_LIFE_S = 3_600.0
"""Life of a session whose server tells when it ends, but not what time it has now."""


def ends_s(connected_s: float, server_time_s: float | None, expires_at_s: int) -> float | None:
    """When the server ends a session, CLOCK_MONOTONIC seconds as `connected_s`; None if it does not tell.

    `server_time_s` is the server's clock at the connection: ours may be wrong. Unix seconds, as `expires_at_s`.
    """
    if not expires_at_s:
        return None
    if server_time_s is None or expires_at_s <= server_time_s:
        return connected_s + USUAL_LIFE_S
    return connected_s + expires_at_s - server_time_s


class Renewal:
    """One session's age and pace."""

    def __init__(self, ready_s: float, expires_s: float | None) -> None:
        """CLOCK_MONOTONIC seconds; `expires_s` is None if the server never ends it."""
        self.due_s = None if expires_s is None else expires_s - min(MARGIN_S, (expires_s - ready_s) * 0.1)
        self._first: list[float] = []
        self._last: deque[float] = deque(maxlen=SAMPLES)

    def answered(self, latency_s: float) -> None:
        """A response took so long to its first sound."""
        if len(self._first) < SAMPLES:
            self._first.append(latency_s)
        else:
            self._last.append(latency_s)

    @property
    def slow(self) -> bool:
        """The first sound takes more than twice as long as when the session was young."""
        if len(self._last) < SAMPLES:
            return False
        young, now = median(self._first), median(self._last)
        return now > 2 * young and now > young + SLOWER_BY_S

    def due(self, now_s: float) -> bool:
        """It is time for another session."""
        return self.slow or (self.due_s is not None and now_s >= self.due_s)
