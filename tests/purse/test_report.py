"""Rows and tables."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from speakerd.purse.entries import Entry
from speakerd.purse.report import as_json, dollars, models_without_price, rows, table
from speakerd.purse.usage import Tokens, Traffic

PACIFIC = timezone(timedelta(hours=-8))


def entry(day, hour, usd="0.01", **fields):
    return Entry(at=datetime(2026, 11, day, hour, tzinfo=PACIFIC), usd=Decimal(usd), responses=1, **fields)


ENTRIES = [
    entry(21, 23, persona="chef", conversation="b", conversations=1, tokens=Tokens(audio_in=5, cached_audio_in=2)),
    entry(22, 0, persona="chef", conversation="b", traffic=Traffic(ms_up=1500, bytes_up=2_000_000)),
    entry(22, 9, "1.5", conversation="a", conversations=1),
    Entry(at=datetime(2026, 11, 22, 9, tzinfo=PACIFIC), notice="warned day"),
    Entry(at=datetime(2026, 10, 2, 9, tzinfo=PACIFIC), usd=Decimal(2), responses=9),
]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("day", [("2026-10-02", "2"), ("2026-11-21", "0.01"), ("2026-11-22", "1.51")]),
        ("month", [("2026-10", "2"), ("2026-11", "1.52")]),
        ("persona", [("-", "3.5"), ("chef", "0.02")]),
        ("conversation", [("a", "1.5"), ("b", "0.02")]),
    ],
)
def test_rows(by, expected):
    assert [(row.name, str(row.total.usd.normalize())) for row in rows(ENTRIES, by)] == expected


def test_the_table_lines_up_and_adds_up():
    lines = table(rows(ENTRIES, "day"), "day")
    assert lines[0].split()[:6] == ["day", "conv.", "resp.", "tokens", "in", "(cached)"]
    assert [line.split()[0] for line in lines[1:]] == ["2026-10-02", "2026-11-21", "2026-11-22", "sum"]
    assert lines[-1].split() == ["sum", "2", "12", "5", "(2)", "0", "2", "2.00", "0", "0.00", "3.52"]
    assert len({len(line) for line in lines}) == 1


def test_what_has_no_price_is_marked():
    found = rows([*ENTRIES, entry(22, 9, "0", unpriced=1, model="m")], "day")
    lines = table(found, "day")
    assert lines[3].endswith("1.51+")
    assert "1 responses or transcriptions have no known price" in lines[-1]
    assert models_without_price([*ENTRIES, entry(22, 9, unpriced=1, model="m")]) == ["m"]


def test_nothing():
    assert table([], "day") == ["Nothing was used yet."]


def test_json_is_exact():
    (row,) = rows([entry(22, 1, "0.000000012", traffic=Traffic(ms_up=1234, bytes_up=5))], "day")
    assert as_json(row)["usd"] == "0.000000012"
    assert as_json(row)["sent"] == {"seconds": 1.234, "bytes": 5}


@pytest.mark.parametrize(
    ("usd", "text"), [("0", "0.00"), ("0.00421", "0.0042"), ("0.1", "0.10"), ("12.345", "12.34"), ("1E+2", "100.00")]
)
def test_dollars(usd, text):
    assert dollars(Decimal(usd)) == text
