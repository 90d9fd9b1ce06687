"""When a spare session is opened, put away, or takes the place of the current one. Pure.

A spare is wanted while nobody converses, if sessions are kept warm, and for the rest of a conversation whose
session is to be replaced. Times are CLOCK_MONOTONIC seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from speakerd.realtime.backoff import STEADY_S, Backoff
from speakerd.realtime.outputs import Fatal
from speakerd.realtime.renewal import Renewal


class Standing(Protocol):
    """A session as it stands now."""

    @property
    def ready(self) -> bool:
        """The server agreed to it."""

    @property
    def closing(self) -> bool:
        """It was told to end, or has ended."""

    @property
    def at_rest(self) -> bool:
        """It may be replaced by another."""

    @property
    def renewal(self) -> Renewal | None:
        """Its age and pace, once it is ready."""


class Step(Enum):
    """What is to be done next."""

    RETIRE = auto()
    """Close the spare: it is too old to be of use, or nobody wants it any more."""
    DIAL = auto()
    """Open a spare."""
    RENEW = auto()
    """Let the spare go on with the conversation."""


class Upkeep:
    """One for the life of the daemon."""

    def __init__(self, random: Callable[[], float]) -> None:
        """`random` gives values from 0 to 1."""
        self._backoff = Backoff(random)
        self._dialled_s = 0.0
        self.keep_warm = False
        """A spare is wanted whenever nobody converses."""
        self.pausing = True
        """Nobody speaks and nothing sounds: only then one session takes over from another."""

    # ------------------------------------------------------------ what happened

    def dialled(self, now_s: float) -> None:
        """A spare is being opened."""
        self._dialled_s = now_s

    def connected(self) -> None:
        """The current session is ready."""
        self._backoff.succeeded()

    def lost_current(self, cause: Fatal | None, now_s: float) -> None:
        """The current session ended; `cause` is None if it was told to."""
        if cause is not None:
            self._backoff.failed(cause.code, cause.retry_after_s, now_s)

    def lost_spare(self, cause: Fatal | None, now_s: float) -> None:
        """The spare ended, or never came to be."""
        if now_s - self._dialled_s >= STEADY_S:
            self._backoff.succeeded()
        self._backoff.failed(cause.code if cause else "", cause.retry_after_s if cause else 0.0, now_s)

    def retired(self, now_s: float) -> None:
        """The spare was put away. One that was of no use so soon is no better than one that failed."""
        if now_s - self._dialled_s < STEADY_S:
            self._backoff.failed("", 0.0, now_s)

    # ------------------------------------------------------------ what follows

    @property
    def hopeless(self) -> bool:
        """No spare is dialled before a conversation has shown that it is of use."""
        return math.isinf(self._backoff.not_before_s)

    def step(self, current: Standing | None, spare: Standing | None, now_s: float) -> Step | None:
        """What is due now; to be asked again when it is done. None: nothing."""
        if spare is None:
            wanted = self._wants_spare(current, now_s) and now_s >= self._backoff.not_before_s
            return Step.DIAL if wanted else None
        if _due(spare, now_s) or (not self.keep_warm and (current is None or current.closing)):
            return Step.RETIRE
        if self.pausing and spare.ready and current is not None and current.at_rest and _due(current, now_s):
            return Step.RENEW
        return None

    def next_s(self, current: Standing | None, spare: Standing | None, now_s: float) -> float:
        """When to ask again though nothing happens; infinite for never."""
        renewals = [session.renewal for session in (current, spare) if session is not None]
        times = [one.due_s for one in renewals if one is not None and one.due_s and one.due_s > now_s]
        if spare is None and self._wants_spare(current, now_s):
            times.append(self._backoff.not_before_s)
        return min(times, default=math.inf)

    def _wants_spare(self, current: Standing | None, now_s: float) -> bool:
        return self.keep_warm if current is None or current.closing else _due(current, now_s)


def _due(session: Standing, now_s: float) -> bool:
    """It is time for another one."""
    return session.renewal is not None and session.renewal.due(now_s)
