"""Sound that was lost, read off counters that only grow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PAUSE_S = 60.0
"""Between two entries of a kind."""

SERIOUS = 3
"""Times from which on somebody may want to do something about it."""

_SOUND_LOST = {
    "capture_xruns": "the microphone overran",
    "capture_dropped": "20 ms of the microphone waited too long",
    "playback_xruns": "the loudspeaker ran empty",
}
_STUTTERED = {"playout_underruns": "the reply stopped for a moment"}
KINDS = {"SoundLost": _SOUND_LOST, "ReplyStuttered": _STUTTERED}
"""Kinds of entries, the counters of each, and what one more of them means."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What was lost since it was told last."""

    kind: str
    """A key of `message_ids.MESSAGE_IDS`."""
    sentence: str
    lost: dict[str, int]
    """How many times more than then, by counter; the zeros too."""

    @property
    def is_serious(self) -> bool:
        """More than what happens once in a while, and nobody notices."""
        return sum(self.lost.values()) >= SERIOUS


class Losses:
    """Shown the counters from time to time."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}
        self._told_s: dict[str, float] = {}

    def since_told(self, counters: Mapping[str, int], now_s: float) -> list[Loss]:
        """What was lost and not told yet; each kind once in PAUSE_S, and none of it gets lost."""
        found = []
        for kind, words in KINDS.items():
            lost = {name: counters.get(name, 0) - self._told.get(name, 0) for name in words}
            if any(lost.values()) and now_s >= self._told_s.get(kind, -PAUSE_S) + PAUSE_S:
                self._told_s[kind] = now_s
                self._told |= {name: counters.get(name, 0) for name in words}
                told = (f"{words[name]} {_times(count)}" for name, count in lost.items() if count)
                found.append(Loss(kind, f"{_BEGIN[kind]}: {', '.join(told)}.", lost))
        return found


_BEGIN = {"SoundLost": "Sound was lost", "ReplyStuttered": "The service's sound came too slowly"}


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
