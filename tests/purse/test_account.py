"""The account: from usage to ledger, budget, receipts and answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from speakerd.purse.account import MAX_UNPRICED, OPEN_BOUND, Account, ledger_folder
from speakerd.purse.budget import Limits
from speakerd.purse.ledger import read
from speakerd.purse.pricelist import load_prices
from speakerd.purse.usage import Tokens, Traffic, Usage

D = Decimal
MODEL = "gpt-realtime-2.1-mini"
ONE_CENT = Tokens(audio_out=500)


class Clock:
    """A clock on a wall in Berlin."""

    def __init__(self):
        self.now = datetime(2026, 11, 22, 20, 0, tzinfo=ZoneInfo("Europe/Berlin"))

    def __call__(self):
        return self.now

    def go(self, **time):
        self.now = (self.now.astimezone(UTC) + timedelta(**time)).astimezone(self.now.tzinfo)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def account(tmp_path, clock):
    with_limits = Account(tmp_path, load_prices(), Limits(per_day=D("0.10"), per_month=D("0.25")), clock)
    yield with_limits
    with_limits.close()


def cents(account, clock, count, conversation="", **fields):
    usage = Usage(model=MODEL, at=clock(), tokens=Tokens(audio_out=500 * count), **fields)
    return account.charge(usage, conversation)


def test_a_conversation_from_begin_to_end(account, clock, tmp_path):
    wire = Traffic()
    name = account.begin("friend", lambda: wire)
    wire = Traffic(ms_up=3000, bytes_up=200_000, ms_down=100, bytes_down=9_000)
    assert cents(account, clock, 2, name).usd == D("0.02")
    wire = Traffic(ms_up=5000, bytes_up=300_000, ms_down=4000, bytes_down=250_000)
    account.charge(Usage(model="gpt-transcribe", at=clock(), heard_ms=60_000, is_transcription=True), name)
    clock.go(seconds=30)
    receipt = account.end(name)
    assert receipt.usd == D("0.0245")
    assert (receipt.conversations, receipt.responses, receipt.transcriptions) == (1, 1, 1)
    assert receipt.traffic == wire
    assert receipt.tokens.audio_out == 1000
    assert (receipt.persona, receipt.conversation) == ("friend", name)
    entries = read(tmp_path).entries
    assert [e.conversation for e in entries] == [name] * 3
    assert [e.traffic.bytes_up for e in entries] == [200_000, 100_000, 0]
    assert [e.conversations for e in entries] == [1, 0, 0]


def test_a_false_wake_costs_nothing_and_is_on_the_receipt(account, clock):
    name = account.begin("", lambda: Traffic())
    assert account.end(name).usd == 0
    assert account.costs()["today"] == {"spent": "0.00", "conversations": 1, "responses": 0, "limit": "0.10"}


def test_what_the_wire_counts_for_the_next_is_not_charged_to_the_last(account, clock, tmp_path):
    """The daemon's counters go on: a late bill is the old conversation's, the sound since is not."""
    wire = Traffic(bytes_up=1_000)
    first = account.begin("a", lambda: wire)
    wire = Traffic(bytes_up=1_500)
    account.end(first)
    second = account.begin("b", lambda: wire)
    assert second != first
    wire = Traffic(bytes_up=9_500)
    cents(account, clock, 1, first)
    account.end(second)
    by_conversation = {}
    for entry in read(tmp_path).entries:
        by_conversation[entry.conversation] = by_conversation.get(entry.conversation, 0) + entry.traffic.bytes_up
    assert by_conversation == {first: 500, second: 8_000}
    wire = Traffic(bytes_up=20_000)
    cents(account, clock, 1, second)
    assert account.sent_today()["bytes_sent"] == 8_500
    assert {e.persona for e in read(tmp_path).entries if e.conversation == first} == {"a"}


def test_a_conversation_that_was_never_ended_stops_counting_at_the_next(account, clock, tmp_path):
    wire = Traffic()
    first = account.begin("a", lambda: wire)
    account.begin("b", lambda: wire)
    wire = Traffic(bytes_up=700)
    cents(account, clock, 1, first)
    assert [e.traffic.bytes_up for e in read(tmp_path).entries] == [0]
    assert account.sent_today()["bytes_sent"] == 700


def test_the_budget_warns_refuses_and_begins_anew(account, clock):
    assert cents(account, clock, 7).notices == ()
    assert [n.mark for n in cents(account, clock, 1).notices] == ["warned day"]
    assert account.verdict().allowed
    assert [n.mark for n in cents(account, clock, 2).notices] == ["exhausted day"]
    assert not account.verdict().allowed
    clock.go(hours=4)
    assert account.verdict().allowed
    cents(account, clock, 10)
    clock.go(days=1)
    assert [n.mark for n in cents(account, clock, 5).notices] == ["exhausted month"]
    clock.go(days=6)
    assert not account.verdict().allowed
    clock.go(days=1)
    assert clock().month == 12
    assert account.verdict().allowed


def test_a_restart_forgets_neither_what_was_spent_nor_what_was_told(account, clock, tmp_path):
    cents(account, clock, 9)
    again = Account(tmp_path, load_prices(), Limits(per_day=D("0.10")), clock)
    assert cents(again, clock, 0).notices == ()
    assert [n.mark for n in cents(again, clock, 1).notices] == ["exhausted day"]
    again.close()


def test_a_clock_that_is_put_right_after_the_start_forgets_nothing_of_what_was_spent(account, clock, tmp_path):
    cents(account, clock, 10)
    account.close()
    right, clock.now = clock.now, datetime(1970, 1, 1, 1, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    again = Account(tmp_path, load_prices(), Limits(per_day=D("0.10")), clock)
    assert again.verdict().allowed
    clock.now = right
    assert not again.verdict().allowed
    again.close()


def test_a_model_without_price_is_counted_and_said_once(account, clock, caplog, tmp_path):
    usage = Usage(model="gpt-realtime-9", at=clock(), tokens=ONE_CENT)
    for _ in range(2):
        charge = account.charge(usage, "")
        assert (charge.usd, charge.notices) == (None, ())
    assert caplog.text.count("gpt-realtime-9 has no known price") == 1
    assert account.costs()["today"]["without_known_price"] == 2
    assert read(tmp_path).entries[0].tokens == ONE_CENT


def test_names_that_a_server_makes_up_do_not_fill_the_journal(account, clock, caplog):
    for number in range(2 * MAX_UNPRICED):
        account.charge(Usage(model=f"made-up-{number}", at=clock(), tokens=ONE_CENT), "")
    assert len(caplog.messages) == MAX_UNPRICED
    assert account.costs()["today"]["without_known_price"] == 2 * MAX_UNPRICED


def test_a_time_without_offset_is_taken_as_local(account, clock):
    account.charge(Usage(model=MODEL, at=clock().replace(tzinfo=None), tokens=ONE_CENT), "")
    assert account.lost == 0


def test_the_answers_are_small_json_in_plain_words(account, clock):
    wire = Traffic()

    def traffic():
        return wire

    for number in range(25):
        name = account.begin("", traffic)
        wire = Traffic(ms_up=number * 2_500, bytes_up=number * 100_000, ms_down=number * 1_000)
        cents(account, clock, 0, name)
        clock.go(minutes=1)
        account.end(name)
    running = account.begin("", traffic)
    wire += Traffic(ms_up=10_000, bytes_up=1)
    assert running
    sent = account.sent_today()
    assert sent["seconds_of_sound_sent"] == 70
    assert sent["bytes_sent"] == 2_400_001
    assert sent["seconds_of_sound_received"] == 24
    assert sent["conversations"] == 25
    assert len(sent["each_conversation"]) == 20
    assert sent["each_conversation"][-1] == {"began": "20:24", "seconds_of_sound_sent": 2, "bytes_sent": 100_000}
    assert len(json.dumps(sent)) < 2_000
    costs = account.costs()
    assert costs["this_month"] == {"spent": "0.00", "conversations": 25, "responses": 25, "limit": "0.25"}
    clock.go(hours=4)
    assert account.sent_today()["conversations"] == 0
    assert account.costs()["this_month"]["conversations"] == 25


def test_two_conversations_in_one_second_have_two_names(account):
    names = [account.begin("", Traffic) for _ in range(OPEN_BOUND + 3)]
    assert len(set(names[-OPEN_BOUND:])) == OPEN_BOUND


def test_a_damaged_ledger_is_told_and_counted_without(tmp_path, clock, caplog):
    account = Account(tmp_path, load_prices(), Limits(per_day=D(1)), clock)
    cents(account, clock, 50)
    cents(account, clock, 50)
    account.close()
    path = tmp_path / "2026-11.ledger"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0].replace(b"0.5", b"0.1") + b"".join(lines[1:]))
    again = Account(tmp_path, load_prices(), Limits(per_day=D(1)), clock)
    assert again.verdict().allowed
    assert "damaged" in caplog.text


def test_without_a_disk_it_still_counts(tmp_path, clock, caplog):
    (tmp_path / "file").write_text("")
    account = Account(tmp_path / "file" / "usage", load_prices(), Limits(per_day=D("0.10")), clock)
    name = account.begin("", Traffic)
    assert [n.mark for n in cents(account, clock, 10, name).notices] == ["exhausted day"]
    account.end(name)
    assert not account.verdict().allowed
    assert account.lost > 0
    assert account.costs()["today"]["spent"] == "0.00"
    account.close()
    assert "Usage is not recorded" in caplog.text


def test_where_the_ledger_is():
    assert ledger_folder({"STATE_DIRECTORY": "/var/lib/speakerd:/x"}) == Path("/var/lib/speakerd/usage")
    assert ledger_folder({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/speakerd/usage")
    assert ledger_folder({"HOME": "/h"}) == Path("/h/.local/state/speakerd/usage")
