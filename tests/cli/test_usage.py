"""`speakerd usage`, as people and programs call it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from click.testing import CliRunner

from speakerd.cli import usage
from speakerd.errors import SpeakerdError
from speakerd.purse.entries import Entry
from speakerd.purse.ledger import Ledger, path_of
from speakerd.purse.usage import Tokens, Traffic


@pytest.fixture
def folder(tmp_path):
    ledger = Ledger(tmp_path / "speakerd" / "usage")
    first = datetime(2026, 10, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    for day in range(40):
        ledger.append(
            Entry(
                at=first + timedelta(days=day),
                conversation=f"c{day}",
                persona="chef" if day % 2 else "",
                conversations=1,
                responses=2,
                model="gpt-realtime-9" if day == 39 else "gpt-realtime-2.1",
                unpriced=int(day == 39),
                usd=Decimal("0.05"),
                tokens=Tokens(audio_in=100),
            )
        )
    ledger.close()
    return tmp_path / "speakerd" / "usage"


def run(folder, *arguments, **environ):
    return CliRunner().invoke(
        usage.command, arguments, env={"STATE_DIRECTORY": None, "XDG_STATE_HOME": str(folder.parents[1]), **environ},
        catch_exceptions=False,
    )  # fmt: skip


def test_by_day_the_newest_and_what_is_left_out(folder):
    lines = run(folder).stdout.splitlines()
    assert lines[1].split()[0] == "2026-10-10"
    assert lines[32].split()[0] == "sum"
    assert "The newest 31 of 40 rows; --last N shows more." in lines
    assert "Without a known price: gpt-realtime-9. Give it in the file of purse.prices." in lines


def test_by_month_and_persona(folder):
    lines = run(folder, "--by", "month").stdout.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["1.55", "0.45+", "2.00+"]
    assert [line.split()[0] for line in run(folder, "--by", "persona").stdout.splitlines()[1:4]] == ["-", "chef", "sum"]


def test_json(folder):
    content = json.loads(run(folder, "--json", "--by", "conversation").stdout)
    assert content["damaged_lines"] == 0
    assert len(content["rows"]) == 40
    assert content["rows"][0]["usd"] == "0.05"


def test_the_services_folder_of_systemd(folder):
    assert "2026-10" in run(folder, "--by", "month", STATE_DIRECTORY=str(folder.parent), XDG_STATE_HOME="/none").stdout


def test_the_service_is_found_by_hand(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(usage, "SERVICE_FOLDER", folder)
    assert "2026-10" in run(folder, "--by", "month", XDG_STATE_HOME=str(tmp_path / "nobody")).stdout


def test_damage_is_said_and_the_rest_added_up(folder):
    with path_of(folder, "2026-10").open("ab") as file:
        file.write(b"rubbish\n")
    done = run(folder, "--by", "month")
    assert "1 damaged lines" in done.stderr
    assert "2026-10" in done.stdout


def test_nothing_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(usage, "SERVICE_FOLDER", tmp_path / "none")
    assert run(tmp_path / "a" / "b").stdout == "Nothing was used yet.\n"


def test_a_ledger_that_is_named_must_be_there(tmp_path):
    with pytest.raises(SpeakerdError, match=f"the ledger {tmp_path}/none is not there"):
        run(tmp_path / "a" / "b", "--ledger", str(tmp_path / "none"))


def test_a_ledger_that_cannot_be_read(tmp_path):
    (tmp_path / "2026-10.ledger").mkdir()
    with pytest.raises(SpeakerdError, match="cannot be read: Is a directory"):
        run(tmp_path / "a" / "b", "--ledger", str(tmp_path))


@pytest.mark.parametrize(("by", "names"), [("day", ["2026-11-21", "2026-11-22"]), ("conversation", ["c1", "c2", "c3"])])
def test_the_receipt_of_what_was_sent(tmp_path, by, names):
    folder = tmp_path / "speakerd" / "usage"
    ledger = Ledger(folder)
    for number, (day, ms_up, bytes_up) in enumerate([(21, 2_000, 130_000), (22, 1_500, 96_000), (22, 500, 40_000)], 1):
        sent = Traffic(ms_up=ms_up, bytes_up=bytes_up, ms_down=4_000, bytes_down=260_000)
        at = datetime(2026, 11, day, 12, number, tzinfo=timezone(timedelta(hours=1)))
        ledger.append(Entry(at=at, conversation=f"c{number}", conversations=1, traffic=sent))
    ledger.close()
    rows = json.loads(run(folder, "--by", by, "--json").stdout)["rows"]
    assert [row["name"] for row in rows] == names
    assert sum(row["sent"]["seconds"] for row in rows) == 4.0
    assert [row["sent"]["bytes"] for row in rows][-1] == (136_000 if by == "day" else 40_000)
    assert sum(row["received"]["bytes"] for row in rows) == 780_000
    shown = run(folder, "--by", by).stdout.splitlines()
    assert shown[-1].split()[6:10] == ["4", "0.27", "12", "0.78"]
