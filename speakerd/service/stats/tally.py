"""Adds up what the journal tells, day by day. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from speakerd.service.stats.spread import Spread

TIMES = (
    "wake_to_chime_ms",
    "wake_to_live_ms",
    "speech_end_to_sound_ms",
    "turn_end_to_sound_ms",
    "voice_to_silence_ms",
    "wake_to_silence_ms",
    "pause_to_words_ms",
)
"""Fields of TurnMeasured."""

LOST = ("capture_xruns", "capture_dropped", "playback_xruns", "playout_underruns")
"""Fields of SoundLost and ReplyStuttered."""

COUNTS = ("starts", "wakes", "conversations", "turns", "interruptions", "false_interruptions", *LOST, "faults")

COUNTED = frozenset(
    {
        "Ready",
        "WakeDetected",
        "SessionReady",
        "FalseInterruption",
        "TurnMeasured",
        "SoundLost",
        "ReplyStuttered",
        "Bill",
    }
)
"""Kinds of entries that are read; and all faults."""

MOST_USD = 1_000_000
"""Of a conversation."""
MOST_KINDS = 200
"""Of faults: more there are not, unless somebody made them up."""


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of the journal, read back."""

    at: datetime
    """With its time zone."""
    event: str
    is_fault: bool
    """A warning or worse."""
    fields: Mapping[str, str]
    """Names in lower case, without SPEAKERD_."""


@dataclass(slots=True)
class Sums:
    """Of a day, or of all days."""

    counts: Counter[str] = field(default_factory=Counter)
    """By the names of COUNTS."""
    times: dict[str, Spread] = field(default_factory=lambda: {name: Spread() for name in TIMES})
    faults: Counter[str] = field(default_factory=Counter)
    """By kind."""
    last: dict[str, datetime] = field(default_factory=dict)
    """When each kind of fault came last."""
    usd: Decimal = Decimal(0)

    def add(self, told: Told) -> None:
        """Take one more entry."""
        if told.is_fault:
            self._add_fault(told)
        match told.event:
            case "Ready":
                self.counts["starts"] += 1
            case "WakeDetected":
                before, after = told.fields.get("from_state"), told.fields.get("state")
                self.counts["wakes"] += before in ("IDLE", "CLOSING") or after == "CONNECTING"
            case "SessionReady":
                self.counts["conversations"] += 1
            case "FalseInterruption":
                self.counts["false_interruptions"] += 1
            case "TurnMeasured":
                self._add_turn(told.fields)
            case "SoundLost" | "ReplyStuttered":
                for name in LOST:
                    self.counts[name] += int(_number(told.fields.get(name, "0")))
            case "Bill":
                self.usd += _decimal(told.fields.get("cost_usd", ""))
            case _:
                pass

    def _add_turn(self, given: Mapping[str, str]) -> None:
        self.counts["turns"] += 1
        self.counts["interruptions"] += "interrupted" in given
        for name in TIMES:
            if name in given:
                self.times[name].add(_number(given[name]))

    def _add_fault(self, told: Told) -> None:
        times = 1 + max(0, int(_number(told.fields.get("left_out", "0"))))
        self.counts["faults"] += times
        if told.event in self.faults or len(self.faults) < MOST_KINDS:
            self.faults[told.event] += times
            self.last[told.event] = told.at


class Tally:
    """Shown entries in any order."""

    def __init__(self) -> None:
        self.days: dict[date, Sums] = {}
        self.whole = Sums()
        self.entries = 0

    def add(self, told: Told) -> None:
        """Take one more entry, on the day that it was here."""
        self.entries += 1
        self.days.setdefault(told.at.astimezone().date(), Sums()).add(told)
        self.whole.add(told)


def _number(text: str) -> float:
    """0 for what is none: the journal takes what it is given."""
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if abs(number) < 1e9 else 0.0


def _decimal(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return Decimal(0)
    return amount if amount.is_finite() and abs(amount) < MOST_USD else Decimal(0)
