"""Entries added up by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from speakerd.service.stats.report import MOST_FAULTS, as_json, tables
from speakerd.service.stats.tally import COUNTED, LOST, MOST_KINDS, TIMES, Tally, Told

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def told(event: str, at: datetime = NOON, *, fault: bool = False, **given: object) -> Told:
    return Told(at, event, fault, {name: str(value) for name, value in given.items()})


def tally(*entries: Told) -> Tally:
    made = Tally()
    for entry in entries:
        made.add(entry)
    return made


def test_a_wake_word_over_the_reply_is_no_wake():
    made = tally(
        told("WakeDetected", from_state="IDLE"),
        told("WakeDetected", from_state="CLOSING"),
        told("WakeDetected", from_state="SPEAKING", state="LISTENING"),
        told("WakeDetected", from_state="FINISHING", state="FINISHING"),
        told("WakeDetected"),
    )
    assert made.whole.counts["wakes"] == 2


def test_a_wake_word_over_a_reply_that_outlasts_its_session_begins_a_conversation():
    assert tally(told("WakeDetected", from_state="FINISHING", state="CONNECTING")).whole.counts["wakes"] == 1


def test_a_turn_brings_its_times_and_how_it_ended():
    made = tally(
        told("TurnMeasured", wake_to_chime_ms=90.5, interrupted="speech", turn=1),
        told("TurnMeasured", wake_to_chime_ms=110.5, turn=2),
        told("TurnMeasured", wake_to_chime_ms="nonsense"),
    )
    assert (made.whole.counts["turns"], made.whole.counts["interruptions"]) == (3, 1)
    assert made.whole.times["wake_to_chime_ms"].count == 3
    assert made.whole.times["wake_to_chime_ms"].percentile(95) == 110.0


def test_faults_are_counted_with_those_left_out():
    made = tally(
        told("SkillFailed", fault=True),
        told("SkillFailed", NOON + timedelta(hours=1), fault=True, left_out=7),
        told("SoundLost", fault=True, capture_xruns=2, playback_xruns=2),
        told("SoundLost", playback_xruns=1),
        told("SoundLost", fault=True, left_out=-5),
        told("DeviceWorks", left_out=5),
    )
    assert made.whole.faults == {"SkillFailed": 9, "SoundLost": 2}
    assert made.whole.last["SkillFailed"] == NOON + timedelta(hours=1)
    assert {name: made.whole.counts[name] for name in LOST} == {
        "capture_xruns": 2, "capture_dropped": 0, "playback_xruns": 3, "playout_underruns": 0,
    }  # fmt: skip


def test_costs_are_added_exactly_and_nonsense_is_nothing():
    made = tally(*(told("Bill", cost_usd=text) for text in ("0.1", "0.2", "NaN", "Infinity", "1e999999", "", "x")))
    assert made.whole.usd == Decimal("0.3")


def test_each_day_is_its_own_by_the_clock_on_the_wall(monkeypatch: pytest.MonkeyPatch):
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
        made = tally(told("Ready", NOON), told("Ready", late), told("Ready", NOON))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert {day: sums.counts["starts"] for day, sums in made.days.items()} == {
        date(2026, 11, 20): 2,
        date(2026, 11, 21): 1,
    }
    assert made.whole.counts["starts"] == 3


def test_made_up_kinds_take_no_room_for_ever():
    made = tally(*(told(f"Fault{number}", fault=True) for number in range(MOST_KINDS + 50)))
    assert len(made.whole.faults) == MOST_KINDS
    assert made.whole.counts["faults"] == MOST_KINDS + 50


def busy() -> Tally:
    made = Tally()
    for day in range(10):
        at = NOON + timedelta(days=day)
        for number in range(1200):
            made.add(told("WakeDetected", at, from_state="IDLE"))
            made.add(told("SessionReady", at))
            made.add(told("TurnMeasured", at, interrupted="speech", **dict.fromkeys(TIMES, 10000.0 + number)))
            made.add(told("FalseInterruption", at))
            made.add(told("SoundLost", at, fault=True, capture_xruns=9, playback_xruns=9, capture_dropped=9))
        made.add(told("Bill", at, cost_usd="123.456"))
        for number in range(MOST_FAULTS + 5):
            made.add(told(f"A_kind_with_a_long_name_{number}", at, fault=True))
    return made


def test_the_tables_fit_a_terminal_however_much_there_is():
    lines = tables(busy())
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("all ") for line in lines)
    assert "and 6 other kinds, which --json lists" in lines


def test_a_single_day_has_no_sum_and_no_faults_are_said_to_be_none():
    lines = tables(tally(told("Ready")))
    assert not any(line.startswith("all ") for line in lines)
    assert "No faults." in lines


def test_json_holds_all_of_it():
    given = as_json(busy())
    assert len(given["days"]) == 10
    first = given["days"][0]
    assert first["day"] == "2026-11-20"
    assert first["times"]["wake_to_silence_ms"] == {"count": 1200, "p50": 10600.0, "p95": 11100.0}
    assert given["all"]["usd"] == "1234.560"
    assert len(given["all"]["faults"]) == MOST_FAULTS + 6


def test_what_is_counted_is_told():
    from speakerd.service.message_ids import MESSAGE_IDS

    assert set(MESSAGE_IDS) >= COUNTED
