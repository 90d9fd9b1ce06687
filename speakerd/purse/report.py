"""What the ledger comes to: by day, month, persona or conversation, for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, get_args

from speakerd.purse.entries import Entry

By = Literal["day", "month", "persona", "conversation"]
WAYS: tuple[By, ...] = get_args(By)

_CENT = Decimal("0.01")
_FINE = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report."""

    name: str
    """`2026-11-22`, `2026-11`, a persona, or a conversation's id."""
    total: Entry


def rows(entries: Iterable[Entry], by: By) -> list[Row]:
    """Totals by `by`, sorted by name. By conversation, what was rolled up has none and is left out."""
    totals: dict[str, Entry] = {}
    for entry in entries:
        name = _name(entry, by)
        if name is not None and not entry.notice:
            totals[name] = totals[name] + entry if name in totals else entry
    return [Row(name, totals[name]) for name in sorted(totals)]


def of_day(entries: Iterable[Entry], day: date) -> list[Entry]:
    """The entries of one day of the user's clock."""
    return [entry for entry in entries if entry.at.date() == day]


def total(entries: Iterable[Entry]) -> Entry | None:
    """The sum; None of nothing."""
    found: Entry | None = None
    for entry in entries:
        found = entry if found is None else found + entry
    return found


def dollars(usd: Decimal) -> str:
    """`1.25`, and below ten cents as fine as `0.0042`."""
    return f"{usd.quantize(_CENT if usd == 0 or usd >= Decimal('0.1') else _FINE):f}"


def megabytes(count: int) -> str:
    """`1.25`."""
    return f"{count / 1e6:.2f}"


def as_json(row: Row) -> dict[str, Any]:
    """The same for programs: US dollars exact, as text."""
    entry = row.total
    tokens, traffic = entry.tokens, entry.traffic
    return {
        "name": row.name,
        "usd": f"{entry.usd:f}",
        "conversations": entry.conversations,
        "responses": entry.responses,
        "transcriptions": entry.transcriptions,
        "unpriced": entry.unpriced,
        "tokens": {
            "text_in": tokens.text_in,
            "audio_in": tokens.audio_in,
            "cached_text_in": tokens.cached_text_in,
            "cached_audio_in": tokens.cached_audio_in,
            "text_out": tokens.text_out,
            "audio_out": tokens.audio_out,
        },
        "sent": {"seconds": traffic.ms_up / 1000, "bytes": traffic.bytes_up},
        "received": {"seconds": traffic.ms_down / 1000, "bytes": traffic.bytes_down},
    }


def table(found: Sequence[Row], by: By) -> list[str]:
    """Lines for people: the head, the rows, and the sum of several."""
    if not found:
        return ["Nothing was used yet."]
    head = (by, "conv.", "resp.", "tokens in", "(cached)", "out", "s up", "MB up", "s down", "MB down", "USD")
    body = [_cells(row) for row in found]
    whole = total(row.total for row in found)
    if len(found) > 1 and whole is not None:
        body.append(_cells(Row("sum", whole)))
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    lines = [
        "  ".join(f"{cell:<{width}}" if column == 0 else f"{cell:>{width}}" for column, (cell, width) in cells).rstrip()
        for cells in (enumerate(zip(line, widths, strict=True)) for line in (head, *body))
    ]
    if whole is not None and whole.unpriced:
        lines += ["", f"+ {whole.unpriced} responses or transcriptions have no known price and are not in the sum."]
    return lines


def models_without_price(entries: Iterable[Entry]) -> list[str]:
    """The models that something was used of without a known price."""
    return sorted({entry.model for entry in entries if entry.unpriced})


def _name(entry: Entry, by: By) -> str | None:
    match by:
        case "day":
            return entry.at.date().isoformat()
        case "month":
            return f"{entry.at:%Y-%m}"
        case "persona":
            return entry.persona or "-"
        case "conversation":
            return entry.conversation or None


def _cells(row: Row) -> tuple[str, ...]:
    entry = row.total
    tokens, traffic = entry.tokens, entry.traffic
    return (
        row.name,
        str(entry.conversations),
        str(entry.responses),
        str(tokens.text_in + tokens.audio_in),
        f"({tokens.cached_text_in + tokens.cached_audio_in})",
        str(tokens.text_out + tokens.audio_out),
        f"{traffic.ms_up / 1000:.0f}",
        megabytes(traffic.bytes_up),
        f"{traffic.ms_down / 1000:.0f}",
        megabytes(traffic.bytes_down),
        dollars(entry.usd) + ("+" if entry.unpriced else ""),
    )
