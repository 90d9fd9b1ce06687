"""What was added up, as tables of 80 columns and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from speakerd.service.stats.tally import COUNTS, TIMES, Sums, Tally

_SHOWN_TIMES = {
    "chime": "wake_to_chime_ms",
    "live": "wake_to_live_ms",
    "answer": "speech_end_to_sound_ms",
    "server": "turn_end_to_sound_ms",
    "silence": "voice_to_silence_ms",
}
_TIMES_LEGEND = (
    "chime, live: from the wake word to the chime, to the live microphone;",
    "answer: from the user's last word to the reply; server: of that, from the",
    "server's word; silence: from words over the reply to its silence.",
)
_COUNTS_LEGEND = (
    "talks: conversations; cut: replies that the user cut short; false: pauses of a",
    "reply that no words followed; xruns, late: sound lost at the card, or by the",
    "network and this machine.",
)
_SHOWN_COUNTS = {
    "starts": ("starts",),
    "wakes": ("wakes",),
    "talks": ("conversations",),
    "turns": ("turns",),
    "cut": ("interruptions",),
    "false": ("false_interruptions",),
    "xruns": ("capture_xruns", "playback_xruns"),
    "late": ("capture_dropped", "playout_underruns"),
    "faults": ("faults",),
}
MOST_FAULTS = 20
"""Kinds of faults that the table lists."""


def tables(tally: Tally) -> list[str]:
    """Lines for people."""
    rows = [(day.isoformat(), sums) for day, sums in sorted(tally.days.items())]
    if len(rows) > 1:
        rows.append(("all", tally.whole))
    return [
        "Times in ms: p50, p95 of each",
        *_aligned([("day", *(name for label in _SHOWN_TIMES for name in (label, "p95"))), *map(_times_row, rows)]),
        "",
        *_TIMES_LEGEND,
        "",
        "Counts, and US dollars",
        *_aligned([("day", *_SHOWN_COUNTS, "USD"), *map(_counts_row, rows)]),
        "",
        *_COUNTS_LEGEND,
        "",
        *_faults(tally.whole),
    ]


def as_json(tally: Tally) -> dict[str, Any]:
    """The same for programs."""
    days = [{"day": day.isoformat(), **_sums_json(sums)} for day, sums in sorted(tally.days.items())]
    return {"days": days, "all": _sums_json(tally.whole)}


def _sums_json(sums: Sums) -> dict[str, Any]:
    times = {
        name: {"count": spread.count, "p50": spread.percentile(50), "p95": spread.percentile(95)}
        for name, spread in ((name, sums.times[name]) for name in TIMES)
    }
    return {
        "counts": {name: sums.counts[name] for name in COUNTS},
        "times": times,
        "faults": dict(sums.faults.most_common()),
        "usd": f"{sums.usd:f}",
    }


def _times_row(row: tuple[str, Sums]) -> tuple[str, ...]:
    day, sums = row
    spreads = [sums.times[name] for name in _SHOWN_TIMES.values()]
    return (day, *(_ms(spread.percentile(percent)) for spread in spreads for percent in (50, 95)))


def _ms(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.0f}"


def _counts_row(row: tuple[str, Sums]) -> tuple[str, ...]:
    day, sums = row
    counts = (sum(sums.counts[name] for name in names) for names in _SHOWN_COUNTS.values())
    return (day, *map(str, counts), f"{sums.usd:.2f}")


def _faults(sums: Sums) -> Iterable[str]:
    if not sums.faults:
        yield "No faults."
        return
    yield "Faults (`journalctl -x -u speakerd SPEAKERD_EVENT=…` explains each)"
    listed = sums.faults.most_common(MOST_FAULTS)
    rows = [(kind, str(count), f"{sums.last[kind].astimezone():%Y-%m-%d %H:%M}") for kind, count in listed]
    yield from _aligned([("kind", "times", "last"), *rows])
    if len(sums.faults) > MOST_FAULTS:
        yield f"and {len(sums.faults) - MOST_FAULTS} other kinds, which --json lists"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        " ".join(f"{cell:{'<' if column == 0 else '>'}{width}}" for column, (cell, width) in enumerate(cells)).rstrip()
        for cells in (zip(row, widths, strict=True) for row in rows)
    ]
