"""When the embedded server answers in the place of a service that cannot be reached, and when no more. Pure.

Times are CLOCK_MONOTONIC seconds.
"""

from __future__ import annotations

import math
import re

from speakerd.realtime.outputs import Fatal
from speakerd.realtime.troubles import Trouble, trouble_of

AWAY = frozenset(
    {
        Trouble.NO_NETWORK,
        Trouble.NAME_NOT_FOUND,
        Trouble.TLS,
        Trouble.UNREACHABLE,
        Trouble.CONNECTION_LOST,
        Trouble.SERVER_SILENT,
    }
)
"""With any of these before a session is ready nobody answers. In all others the service was there, and a human must
hear what it said: a refused key or an empty account must not go unnoticed behind another voice."""

RESERVE_S = 1.0
"""Of the time for connecting, what is left to the one that stands in."""
SHORT_S = 1.5
"""Time that a service gets which did not answer in time before: less than it takes to ask a question."""
REMEMBER_S = 300.0
"""It gets its whole time again so long after it last had it, else a slow one would never come back."""

NOT_IN_TIME = Fatal("connect_timeout", "the server did not answer in time")


class StandIn:
    """One for the life of the daemon."""

    def __init__(self, url: str, connect_s: float) -> None:
        """`url` of the embedded server, empty if nothing stands in; `connect_s` is the time from wake word to ready."""
        self._url = url
        self.refit(connect_s)
        self._short_until_s = 0.0
        self._told = False
        self.away = False
        """The service could not be reached when it was needed last."""

    def refit(self, connect_s: float) -> None:
        """Another time from wake word to ready."""
        self._whole_s = max(connect_s / 2, connect_s - RESERVE_S)

    @property
    def url(self) -> str:
        """Where to connect: until a user has heard why another one answers, the embedded server is asked to say it."""
        return self._url if self._told else f"{self._url}?standing_in=1"

    def patience_s(self, now_s: float) -> float:
        """Time in which the service must be ready; infinite if nothing stands in."""
        if not self._url:
            return math.inf
        return min(SHORT_S, self._whole_s) if now_s < self._short_until_s else self._whole_s

    def replaces(self, cause: Fatal | None) -> bool:
        """Whether it answers in the place of a session that came to nothing; None: that was told to end."""
        if not self._url or cause is None:
            return False
        return trouble_of(cause.code) in AWAY or re.fullmatch(r"http_5\d\d|closed_101[123]", cause.code) is not None

    def begin(self, cause: Fatal, now_s: float) -> bool:
        """It answers now; True if that is new."""
        if cause is NOT_IN_TIME and now_s >= self._short_until_s:
            self._short_until_s = now_s + REMEMBER_S
        is_new, self.away = not self.away, True
        return is_new

    def answered(self) -> None:
        """The user heard an answer of it."""
        self._told = True

    def end(self) -> bool:
        """The service is ready; True if it was away."""
        was_away, self.away = self.away, False
        self._told, self._short_until_s = False, 0.0
        return was_away
