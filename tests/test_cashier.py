"""The bill of a conversation, from the wire's reports to the ledger and the journal's sentences."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path

import pytest

from speakerd.cashier import Cashier, amount, refusal, told
from speakerd.config.model import Config, Persona, Purse, Realtime, Wake, WakeWord
from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.errors import ConfigError
from speakerd.purse.budget import Grade, Notice, Span, Verdict
from speakerd.purse.entries import Entry
from speakerd.purse.ledger import read
from speakerd.purse.report import rows, total
from speakerd.purse.usage import Traffic
from speakerd.realtime.connection import Octets
from speakerd.realtime.incoming import Usage
from speakerd.realtime.outputs import ResponseUsage, TranscriptionUsage

D = Decimal
IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, FINISHING, CLOSING = State
WAKE = ev.WakeDetected("alexa", 0.9, 1)
ONE_CENT = Usage(output_audio=500)
"""By the default model."""
SECOND = bytes(48_000)


class Till:
    """A cashier, and what it has to do with."""

    def __init__(self, folder: Path, **sections: object) -> None:
        self.folder = folder
        self.octets = Octets()
        self.remarks: list[str] = []
        self.about: list[str] = []
        self.standing_in = False
        self.cashier = Cashier(
            Config(**sections),
            {"STATE_DIRECTORY": str(folder)},
            lambda: self.octets,
            self.remark,
            lambda: self.standing_in,
        )

    def remark(self, sentence: str, about: str) -> None:
        self.remarks.append(sentence)
        self.about.append(about)

    def begin(self) -> None:
        self.cashier.observe(WAKE, IDLE, CONNECTING, 0.0)

    def end(self) -> None:
        self.cashier.observe(ev.SessionEnded(1), CLOSING, IDLE, 0.0)

    def charge(self, usage: Usage = ONE_CENT, model: str = "") -> None:
        self.cashier.charge(ResponseUsage(1, "r", model, usage))

    @property
    def entries(self) -> list[Entry]:
        return read(self.folder / "usage").entries


@pytest.fixture
def till(tmp_path: Path):
    till = Till(tmp_path)
    yield till
    till.cashier.close()


def test_a_persona_has_its_own_bill_and_the_price_of_its_model(tmp_path):
    wake = Wake(
        words=(WakeWord(model="alexa", persona="chef"), WakeWord(model="hey_jarvis")),
        personas=(Persona(name="chef", model="gpt-realtime-2.1"),),
    )
    till = Till(tmp_path, wake=wake)
    for word in ("alexa", "hey_jarvis"):
        till.cashier.observe(ev.WakeDetected(word, 0.9, 1), IDLE, CONNECTING, 0.0)
        till.charge()
        till.end()
    till.cashier.close()
    bills = {entry.persona: (entry.model, entry.usd) for entry in till.entries if entry.model}
    assert bills == {"chef": ("gpt-realtime-2.1", D("0.032")), "hey_jarvis": ("gpt-realtime-2.1-mini", D("0.01"))}


def test_a_conversation_has_one_bill_with_sound_and_bytes_both_ways(till, caplog):
    caplog.set_level(logging.INFO)
    till.octets.sent = 500  # of a session that was kept warm
    till.begin()
    till.cashier.sent(SECOND * 3)
    till.cashier.received(SECOND * 2)
    till.octets.sent, till.octets.received = 192_500, 128_000
    till.charge(Usage(input_text=100, input_audio=30, cached_text=40, output_audio=500))
    till.end()
    assert "tokens read, 500 written, 3 s of sound sent, 2 s received." in caplog.messages[-1]
    whole = total(till.entries)
    assert (whole.persona, whole.conversations, whole.responses) == ("alexa", 1, 1)
    assert (whole.traffic.ms_up, whole.traffic.bytes_up) == (3_000, 192_000)
    assert (whole.traffic.ms_down, whole.traffic.bytes_down) == (2_000, 128_000)
    assert whole.usd == D("0.0103384")  # 60 × 0.60 + 40 × 0.06 + 30 × 10 + 500 × 20 USD a million
    assert caplog.records[-1].speakerd_fields["cost_usd"] == "0.0103384"
    assert caplog.records[-1].speakerd_fields["tokens_cached"] == 40


def test_a_wake_word_while_the_last_session_ends_closes_one_bill_and_opens_another(till):
    till.begin()
    till.charge()
    till.cashier.observe(WAKE, CLOSING, CLOSING, 0.0)
    till.cashier.observe(ev.SessionEnded(1), CLOSING, CONNECTING, 0.0)
    till.charge()
    till.end()
    assert total(till.entries).conversations == 2
    assert len({entry.conversation for entry in till.entries}) == 2


def test_a_false_wake_is_a_conversation_that_costs_nothing(till, caplog):
    caplog.set_level(logging.INFO)
    till.begin()
    till.end()
    assert caplog.messages[-1].startswith("The conversation cost 0.00 US dollars: 0 tokens read")
    assert total(till.entries).conversations == 1


def test_the_servers_name_for_the_model_counts_before_ours(till):
    till.begin()
    till.charge(model="gpt-realtime-2.1")
    till.charge()
    till.cashier.charge(TranscriptionUsage(1, "i", seconds=60.0))
    assert [entry.model for entry in till.entries] == ["gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-transcribe"]
    assert [entry.usd for entry in till.entries] == [D("0.032"), D("0.01"), D("0.0045")]


def test_the_model_that_the_url_names_is_asked_for_and_billed(tmp_path):
    till = Till(tmp_path, realtime=Realtime(url="wss://voice.example/v1?model=gpt-realtime-2.1"))
    till.begin()
    till.charge()
    assert [(entry.model, entry.usd) for entry in till.entries] == [("gpt-realtime-2.1", D("0.032"))]
    till.cashier.close()


def test_the_embedded_server_is_free_and_nothing_leaves_the_machine(tmp_path):
    till = Till(tmp_path, realtime=Realtime(url="embedded"))
    till.begin()
    till.cashier.sent(SECOND)
    till.octets.sent = 64_000
    till.charge(model="made-up")
    till.end()
    whole = total(till.entries)
    assert (whole.usd, whole.unpriced, whole.traffic.ms_up, whole.traffic.bytes_up) == (0, 0, 0, 0)
    till.cashier.close()


def test_a_limit_warns_then_refuses_and_survives_a_restart(tmp_path, caplog):
    section = Purse(limit_per_day_usd=0.02)
    till = Till(tmp_path, purse=section)
    till.begin()
    till.charge(Usage(output_audio=800))
    assert caplog.messages[-1] == "0.0160 of 0.0200 US dollars for today are spent."
    assert till.cashier.refusal() is None
    assert not till.cashier.used_up
    till.charge(Usage(output_audio=200))
    assert till.cashier.used_up
    till.standing_in = True
    assert not till.cashier.used_up, "what the embedded server says is free"
    till.standing_in = False
    assert caplog.messages[-1] == (
        "0.0200 of 0.0200 US dollars for today are spent; no further conversation begins before midnight."
    )
    assert till.remarks == ["Today's budget is nearly used up.", "Today's budget is used up. I will be back tomorrow."]
    till.cashier.close()
    again = Till(tmp_path, purse=section)
    assert again.cashier.refusal().told.startswith(
        "No conversation begins before midnight: 0.0200 US dollars were spent"
    )
    again.cashier.close()


@pytest.mark.parametrize(
    ("month_usd", "remarks"),
    [
        (0.012, {"day": "Today's budget is used up. I will be back tomorrow.",
                 "month": "This month's budget is nearly used up."}),
        (0.01, {"month": "This month's budget is used up. I will be back next month."}),
    ],
)  # fmt: skip
def test_one_answer_may_reach_a_limit_and_come_near_the_other_or_reach_both(tmp_path, caplog, month_usd, remarks):
    till = Till(tmp_path, purse=Purse(limit_per_day_usd=0.01, limit_per_month_usd=month_usd))
    till.begin()
    till.charge()
    assert dict(zip(till.about, till.remarks, strict=True)) == remarks
    assert len([record for record in caplog.records if "are spent" in record.message]) == 2, "the journal has both"
    till.cashier.close()


def test_what_the_service_has_cost_today_keeps_nobody_from_the_embedded_server(tmp_path):
    section = Purse(limit_per_day_usd=0.01)
    till = Till(tmp_path, purse=section)
    till.begin()
    till.charge()
    assert till.cashier.refusal() is not None
    till.cashier.close()
    again = Till(tmp_path, purse=section, realtime=Realtime(url="embedded"))
    assert again.cashier.refusal() is None
    assert not again.cashier.used_up
    again.cashier.close()


def test_what_a_daemon_that_ends_had_open_is_closed(till):
    till.begin()
    till.charge()
    till.cashier.sent(SECOND)
    till.cashier.close()
    till.cashier.close()
    assert total(till.entries).traffic.ms_up == 1_000


def test_prices_that_cannot_be_read_are_a_mistake_of_the_configuration(tmp_path):
    with pytest.raises(ConfigError, match=r"purse\.prices"):
        Till(tmp_path, purse=Purse(prices=str(tmp_path / "none.yaml")))


@pytest.mark.parametrize(
    ("usd", "text"), [("0", "0.00"), ("0.000001", "0.000001"), ("0.0046", "0.0046"), ("1.5", "1.50")]
)
def test_sums_are_as_fine_as_they_must_be(usd, text):
    assert amount(D(usd)) == text


def test_a_month_ends_on_the_first():
    assert "before the first of next month: 5.01 US dollars were spent this month, and purse.limit_per_month_usd" in (
        refusal(Verdict(False, Span.MONTH, D("5.01"), D(5))).told
    )
    assert refusal(Verdict(True)) is None
    assert told(Notice(Span.MONTH, Grade.WARNED, D(4), D(5))) == "4.00 of 5.00 US dollars for this month are spent."


def test_what_the_embedded_server_answers_in_an_outage_is_free_and_has_left_nothing(till):
    till.begin()
    till.standing_in = True
    till.cashier.sent(SECOND)
    till.cashier.received(SECOND)
    till.charge(model="gpt-realtime-2.1")
    till.end()
    till.standing_in = False
    till.begin()
    till.cashier.sent(SECOND)
    till.charge()
    till.end()
    first, second = rows(till.entries, "conversation")
    assert (first.total.usd, first.total.unpriced, first.total.responses) == (0, 0, 1)
    assert first.total.traffic == Traffic()
    assert (second.total.usd, second.total.traffic.ms_up) == (D("0.01"), 1_000)
