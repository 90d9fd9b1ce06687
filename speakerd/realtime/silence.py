"""How long the server may say nothing at all while something is due. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Look(Enum):
    """What the silence calls for."""

    WAIT = "wait"
    PROBE = "probe"
    """Say something that the server must answer."""
    DEAD = "dead"


@dataclass(slots=True)
class Silence:
    """Any word of the server starts it anew."""

    limit_s: float
    _since_s: float | None = None
    _probed: bool = False

    def heard(self, now_s: float) -> None:
        """The server said something, whatever it was."""
        self._probed = False
        if self._since_s is not None:
            self._since_s = now_s

    def due(self, now_s: float, *, something: bool) -> None:
        """Tell whether something is due."""
        if not something:
            self._since_s, self._probed = None, False
        elif self._since_s is None:
            self._since_s = now_s

    @property
    def deadline_s(self) -> float | None:
        """When to look again."""
        if self._since_s is None:
            return None
        return self._since_s + (self.limit_s if self._probed else self.limit_s / 2)

    def look(self, now_s: float) -> Look:
        """Halfway, probe once; at the limit the server is dead."""
        if self._since_s is None or now_s < self._since_s + self.limit_s / 2:
            return Look.WAIT
        if now_s >= self._since_s + self.limit_s:
            return Look.DEAD
        if self._probed:
            return Look.WAIT
        self._probed = True
        return Look.PROBE
