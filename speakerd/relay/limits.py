"""How often and how much: pure, `now_s` is passed in."""

from __future__ import annotations

from collections import OrderedDict

MESSAGE_COST_BYTES = 1024
"""What a message costs beside its length, so that a flood of tiny ones is a flood too."""


class Pace:
    """A bucket that fills with time. Whoever takes more than there is must wait, so nothing is lost."""

    def __init__(self, per_s: float, burst: float) -> None:
        """`burst`: what may be taken at once after a rest."""
        self._per_s = per_s
        self._burst = burst
        self._level = burst
        self._at_s = 0.0

    def take(self, amount: float, now_s: float) -> float:
        """Take `amount`; the seconds to wait before the next."""
        self._level = min(self._burst, self._level + (now_s - self._at_s) * self._per_s) - amount
        self._at_s = now_s
        return max(0.0, -self._level / self._per_s)


class PerMinute:
    """So many in a minute, evenly or at once; counts by name. Bounded: the longest unseen name is forgotten."""

    def __init__(self, limit: int, names: int = 10_000) -> None:
        """`limit` 0: no limit."""
        self._limit = limit
        self._names = names
        self._due_s: OrderedDict[str, float] = OrderedDict()

    def spent(self, name: str, now_s: float) -> bool:
        """True if `name` has none left."""
        return self._limit > 0 and self._due_s.get(name, now_s) - now_s > 60.0 - 60.0 / self._limit

    def take(self, name: str, now_s: float) -> bool:
        """Count one; False, and nothing is counted, if there is none left."""
        if self._limit == 0:
            return True
        if self.spent(name, now_s):
            return False
        self._due_s[name] = max(self._due_s.pop(name, now_s), now_s) + 60.0 / self._limit
        if len(self._due_s) > self._names:
            self._due_s.popitem(last=False)
        return True
