"""Lines of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerd.purse.entries import MAX_NAME_CHARACTERS, DamagedError, Entry, decode, decode_all, encode, rolled_up
from speakerd.purse.usage import Tokens, Traffic

COUNT = st.integers(0, 10**9)
NAME = st.text(max_size=MAX_NAME_CHARACTERS)
TIMES = st.datetimes(
    datetime(1970, 1, 2), datetime(2099, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9))])
).map(lambda at: at.replace(microsecond=0))
ENTRIES = st.builds(
    Entry,
    at=TIMES,
    conversation=NAME,
    persona=NAME,
    model=NAME,
    notice=NAME,
    responses=COUNT,
    transcriptions=COUNT,
    conversations=COUNT,
    unpriced=COUNT,
    usd=st.decimals(0, 10**6, places=12),
    heard_ms=COUNT,
    tokens=st.builds(Tokens, text_in=COUNT, audio_in=COUNT, cached_text_in=COUNT, text_out=COUNT, audio_out=COUNT),
    traffic=st.builds(Traffic, ms_up=COUNT, bytes_up=COUNT, ms_down=COUNT, bytes_down=COUNT),
)


@given(ENTRIES)
def test_what_is_written_is_read(entry):
    line = encode(entry)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert decode(line) == entry


@given(ENTRIES, st.data())
def test_any_changed_byte_is_noticed(entry, data):
    line = encode(entry)[:-1]
    place = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != line[place]))
    with pytest.raises(DamagedError):
        decode(line[:place] + bytes([other]) + line[place + 1 :])


@given(st.binary(max_size=200))
def test_garbage_never_raises(data):
    entries, _, torn = decode_all(data)
    assert entries == []
    assert 0 <= torn <= len(data)


def line_of(text):
    import zlib

    return b"%08x %s\n" % (zlib.crc32(text), text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"7",
        b"{}",
        b'{"at":7}',
        b'{"at":"yesterday"}',
        b'{"at":"2026-11-22T10:00:00"}',  # no offset
        b'{"at":"2026-11-22T10:00:00+01:00","usd":"NaN"}',
        b'{"at":"2026-11-22T10:00:00+01:00","usd":"much"}',
        b'{"at":"2026-11-22T10:00:00+01:00","responses":"1"}',
        b'{"at":"2026-11-22T10:00:00+01:00","responses":true}',
        b'{"at":"2026-11-22T10:00:00+01:00","responses":-1}',
        b'{"at":"2026-11-22T10:00:00+01:00","model":null}',
        b"[" * 5000,
    ],
)
def test_a_line_with_a_right_checksum_and_wrong_content_is_damaged(text):
    with pytest.raises(DamagedError):
        decode(line_of(text))


def test_what_a_later_version_adds_is_ignored():
    assert decode(line_of(b'{"at":"2026-11-22T10:00:00+01:00","mood":"good","responses":2}')).responses == 2


def test_long_names_are_cut():
    assert len(decode(encode(Entry(at=datetime(2026, 1, 1, tzinfo=UTC), model="m" * 10_000))).model) == 120


def test_a_rolled_up_day_is_the_day_of_the_users_clock():
    berlin = ZoneInfo("Europe/Berlin")
    at = [
        datetime(2026, 10, 24, 23, 59, tzinfo=berlin),
        datetime(2026, 10, 25, 0, 1, tzinfo=berlin),  # the day of 25 hours
        datetime(2026, 10, 25, 2, 30, tzinfo=berlin),
        datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=1),
        datetime(2026, 10, 25, 23, 59, tzinfo=berlin),
        datetime(2026, 10, 26, 0, 1, tzinfo=berlin),
    ]
    entries = [decode(encode(Entry(at=when, responses=1, usd=Decimal("0.1")))) for when in at]
    assert [(e.at.date().day, e.responses, e.usd) for e in rolled_up(entries)] == [
        (24, 1, Decimal("0.1")),
        (25, 4, Decimal("0.4")),
        (26, 1, Decimal("0.1")),
    ]


@given(st.lists(ENTRIES, max_size=12))
def test_rolling_up_loses_no_token_and_no_cent(entries):
    rolled = rolled_up(entries)
    for field in ("responses", "transcriptions", "conversations", "unpriced", "usd", "heard_ms"):
        assert sum(getattr(e, field) for e in rolled) == sum(getattr(e, field) for e in entries)
    assert sum(e.tokens.audio_out for e in rolled) == sum(e.tokens.audio_out for e in entries)
    assert sum(e.traffic.bytes_up for e in rolled) == sum(e.traffic.bytes_up for e in entries)
    assert {(e.at.date(), e.notice) for e in rolled} == {(e.at.date(), e.notice) for e in entries}
    assert rolled_up(rolled) == rolled
