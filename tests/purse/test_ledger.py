"""The ledger under power failures at every byte, full disks and damage."""

from __future__ import annotations

import contextlib
import os
import resource
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerd.purse import ledger as module
from speakerd.purse.entries import Entry, encode
from speakerd.purse.ledger import KEPT_ENTRIES, Ledger, months, path_of, read
from speakerd.purse.usage import Tokens, Traffic

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def entry(number, at=START, **fields):
    return Entry(
        at=at + timedelta(seconds=number),
        conversation="c",
        persona="Ödipus 🎻",
        model="gpt-realtime-2.1-mini",
        responses=1,
        usd=Decimal("0.001") * number,
        tokens=Tokens(audio_in=number, text_out=7),
        traffic=Traffic(bytes_up=number),
        **fields,
    )


def write(folder, entries):
    ledger = Ledger(folder)
    for each in entries:
        ledger.append(each)
    ledger.close()
    assert ledger.lost == 0


BEFORE = [entry(number) for number in range(3)]
LINES = [encode(each) for each in BEFORE]
WHOLE = b"".join(LINES)
AFTER = entry(99)


def complete_in(size):
    """The entries whose line is whole in the first `size` bytes."""
    kept, end = [], 0
    for each, line in zip(BEFORE, LINES, strict=True):
        end += len(line)
        if end <= size:
            kept.append(each)
    return kept


@pytest.mark.parametrize("tail", ["cut", "zeros", "garbage"])
def test_power_fails_at_every_byte(tmp_path, tail, monkeypatch):
    """Whatever the file system left of the rest: nothing, zeros, or what the blocks held before."""
    monkeypatch.setattr(module.os, "fdatasync", lambda _descriptor: None)  # 1,200 times: the real one takes minutes
    path = path_of(tmp_path, "2026-11")
    for size in range(len(WHOLE) + 1):
        rest = {"cut": b"", "zeros": bytes(len(WHOLE) - size), "garbage": b"\xff{\x07\r" * 9}[tail]
        path.write_bytes(WHOLE[:size] + rest)
        assert read(tmp_path).entries == complete_in(size), size
        write(tmp_path, [AFTER])
        reading = read(tmp_path)
        assert reading.entries == [*complete_in(size), AFTER], size
        assert reading.damaged == 0, size


@settings(max_examples=200)
@given(size=st.integers(0, len(WHOLE)), rest=st.binary(max_size=300))
def test_no_garbage_behind_the_tear_costs_a_whole_entry(tmp_path_factory, size, rest):
    folder = tmp_path_factory.mktemp("ledger")
    path_of(folder, "2026-11").write_bytes(WHOLE[:size] + rest)
    write(folder, [AFTER])
    found = read(folder).entries
    whole = complete_in(size)
    assert found[: len(whole)] == whole
    assert found[-1] == AFTER
    assert len(found) <= len(BEFORE) + 1


@given(place=st.integers(0, len(WHOLE) - 1), value=st.integers(0, 255))
def test_damage_in_the_middle_costs_the_lines_that_it_touches(tmp_path_factory, place, value):
    folder = tmp_path_factory.mktemp("ledger")
    path_of(folder, "2026-11").write_bytes(WHOLE[:place] + bytes([value]) + WHOLE[place + 1 :])
    lost = [each for each in BEFORE if each not in read(folder).entries]
    assert len(lost) <= 2  # two, when the line feed between them is gone
    assert set(map(type, lost)) <= {Entry}


def test_a_torn_end_is_counted_as_healed_and_cut(tmp_path, caplog):
    path_of(tmp_path, "2026-11").write_bytes(WHOLE[:-5])
    ledger = Ledger(tmp_path)
    ledger.append(AFTER)
    ledger.close()
    assert ledger.healed == 1
    assert "half a line" in caplog.text
    assert path_of(tmp_path, "2026-11").read_bytes() == b"".join(LINES[:-1]) + encode(AFTER)


def test_reading_changes_nothing(tmp_path):
    path = path_of(tmp_path, "2026-11")
    path.write_bytes(WHOLE[:-5])
    read(tmp_path)
    assert path.read_bytes() == WHOLE[:-5]


def test_each_line_is_there_at_once_for_other_processes(tmp_path):
    ledger = Ledger(tmp_path)
    for number in range(3):
        ledger.append(entry(number))
        assert len(read(tmp_path).entries) == number + 1
    ledger.close()
    ledger.close()


def test_what_comes_after_the_file_was_removed_is_kept(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.append(BEFORE[0])
    path_of(tmp_path, "2026-11").unlink()
    ledger.append(BEFORE[1])
    assert read(tmp_path).entries == [BEFORE[1]]
    ledger.close()


def test_a_month_has_its_own_file_by_the_users_clock(tmp_path):
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    write(
        tmp_path,
        [
            Entry(at=datetime(2026, 11, 30, 23, 30, tzinfo=UTC).astimezone(berlin), responses=1),  # 00:30 in Berlin
            Entry(at=datetime(2026, 11, 30, 22, 30, tzinfo=UTC).astimezone(berlin), responses=2),
        ],
    )
    assert months(tmp_path) == ["2026-11", "2026-12"]
    assert [each.responses for each in read(tmp_path, ["2026-12"]).entries] == [1]


def test_what_nobody_else_may_see(tmp_path):
    write(tmp_path / "new" / "usage", [AFTER])
    assert (tmp_path / "new" / "usage").stat().st_mode & 0o077 == 0
    assert path_of(tmp_path / "new" / "usage", "2026-11").stat().st_mode & 0o077 == 0


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "2026-11.new").write_text("left by a power failure while rolling up")
    write(tmp_path, [AFTER])
    assert months(tmp_path) == ["2026-11"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_no_folder_is_an_empty_ledger(tmp_path):
    assert read(tmp_path / "none").entries == []
    assert months(tmp_path / "none") == []


# ---------------------------------------------------------------- growth


def test_old_months_keep_a_line_a_day(tmp_path):
    days = [datetime(2026, month, day, 12, tzinfo=UTC) for month in (8, 9, 10, 11) for day in (1, 2)]
    write(tmp_path, [entry(number, day) for day in days for number in range(20)])
    before = read(tmp_path).entries
    ledger = Ledger(tmp_path)
    ledger.tidy(date(2026, 11, 2))
    assert [len(read(tmp_path, [month]).entries) for month in months(tmp_path)] == [2, 2, 40, 40]
    after = read(tmp_path).entries
    assert sum(each.usd for each in after) == sum(each.usd for each in before)
    assert sum(each.responses for each in after) == 160
    size = path_of(tmp_path, "2026-08").stat()
    ledger.tidy(date(2026, 11, 2))
    Ledger(tmp_path).tidy(date(2026, 11, 2))
    assert path_of(tmp_path, "2026-08").stat().st_ino == size.st_ino  # nothing to do twice


def test_a_file_that_grows_too_large_is_rolled_up_while_open(tmp_path):
    ledger = Ledger(tmp_path, max_file_bytes=100_000)
    for number in range(3000):
        ledger.append(entry(number % 60))
        assert path_of(tmp_path, "2026-11").stat().st_size <= 201_000
    ledger.tidy(START.date())
    ledger.append(AFTER)
    ledger.close()
    entries = read(tmp_path).entries
    assert sum(each.responses for each in entries) == 3001
    assert KEPT_ENTRIES < len(entries) < 1000
    assert entries[-1] == AFTER
    assert (ledger.lost, ledger.healed) == (0, 0)


def test_power_fails_while_a_file_is_replaced(tmp_path, monkeypatch):
    october = [entry(number, datetime(2026, 9, 1, tzinfo=UTC)) for number in range(9)]
    write(tmp_path, october)

    class PowerFailure(BaseException):
        pass

    def fail(*_args):
        raise PowerFailure

    for name in ("fsync", "close"):
        with monkeypatch.context() as patch:
            patch.setattr(module.os, name, fail)
            with pytest.raises(PowerFailure):
                Ledger(tmp_path).tidy(date(2026, 11, 2))
        assert read(tmp_path).entries == october
    old = path_of(tmp_path, "2026-09").stat().st_ino
    Ledger(tmp_path).tidy(date(2026, 11, 2))
    (rolled,) = read(tmp_path).entries
    assert rolled.responses == 9
    assert path_of(tmp_path, "2026-09").stat().st_ino != old  # another file took its name, whole


# ---------------------------------------------------------------- disks that refuse


def test_a_full_disk_costs_entries_and_one_warning(tmp_path, monkeypatch, caplog):
    ledger = Ledger(tmp_path)
    ledger.append(BEFORE[0])
    real, room = os.write, [10]

    def write_with_little_room(descriptor, data):
        if not room:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[: room.pop()])

    monkeypatch.setattr(module.os, "write", write_with_little_room)
    ledger.append(BEFORE[1])  # half of it fits
    ledger.append(BEFORE[2])
    monkeypatch.setattr(module.os, "write", real)
    ledger.append(AFTER)
    ledger.close()
    assert ledger.lost == 2
    assert caplog.text.count("Usage is not recorded") == 1
    reading = read(tmp_path)
    assert (reading.entries, reading.damaged) == ([BEFORE[0], AFTER], 0)


def test_where_too_many_files_are_open_the_disk_is_not_waited_for(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.append(BEFORE[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 256), hard))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        assert ledger.sync_copy() is None
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    ledger.close()
    assert ledger.lost == 0


def test_a_folder_that_cannot_be_made(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file" / "usage")
    ledger.append(AFTER)
    ledger.sync()
    ledger.close()
    assert ledger.lost == 1
    assert "Not a directory" in caplog.text
