"""A real journald: ids, fields, explanations, and what is read back; the events file tells the same."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.journald import record

from speakerd.cli.stats import command
from speakerd.service import journalreader
from speakerd.service.message_ids import MESSAGE_IDS

SCRIPT = """
import logging, sys
from pathlib import Path
from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.errors import DeviceError
from speakerd.logfields import fields
from speakerd.service.eventlog import EventLog
from speakerd.service.journal import JournalHandler
from speakerd.service.notify import Notifier
from speakerd.service.reporter import Reporter
from speakerd.service.tempered import Tempered
from speakerd.service.toldlog import told_to

logging.getLogger().addHandler(Tempered(JournalHandler()))
log = logging.getLogger("speakerd.service.test")
logging.getLogger("speakerd").setLevel("INFO")
logging.getLogger("somebody").warning("not ours")
I, C, L, T, S, N, F, E = State
totals = {"capture_xruns": 3}
with told_to(EventLog(Path(sys.argv[0]).with_name("events"))):
    one = Reporter(None, Notifier(), lambda: totals)
    log.info("Ready: waiting for the wake word.", extra=fields(event="Ready"))
    for turn in range(3):
        at = 10.0 * turn
        one.stopwatch.frame(100, at)
        one.observe(ev.WakeDetected("alexa", 0.9, 100), I, C, at + 0.02)
        one.stopwatch.sound(ev.Sounded("wake", at + 0.1 + turn / 100))
        one.observe(ev.SessionReady(1), C, L, at + 0.3)
        one.observe(ev.UserSpeechStopped(1), L, T, at + 2)
        one.stopwatch.sound(ev.Sounded(ev.REPLY, at + 2.5))
        one.observe(ev.PlayoutStarted("i"), T, S, at + 2.5)
        one.observe(ev.BargeInDetected(100, -30.0), S, N, at + 3)
        one.observe(ev.DeadlineReached(), N, S, at + 4)
        one.observe(ev.PlayoutDrained(final=True), S, L, at + 5)
        one.observe(ev.SessionEnded(1, "insufficient_quota", "pay"), L, I, at + 6)
    one.device("microphone", DeviceError("hw:9", "No such device"))
    for _ in range(3):
        log.info("bill", extra=fields(event="Bill", cost_usd="0.0123"))
    for _ in range(9):
        log.warning("%s", "failed", extra=fields(event="SkillFailed", skill="lamp"))
    for handler in logging.getLogger().handlers:
        handler._clock = lambda: 1e9
        handler.settle()
"""
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Path]:
    """The journal, its explanations, and the events file of the same."""
    folder = tmp_path_factory.mktemp("journald")
    journal, explained = record(folder, SCRIPT)
    return journal, explained, folder / "events"


def stats(*arguments: object) -> str:
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_each_fault_is_explained_where_it_is_told(recorded):
    _, explained, _ = recorded
    assert "Subject: The account has no credit left" in explained
    assert "its monthly limit is used up (insufficient_quota)." in explained
    assert "The microphone cannot be used:" in explained
    assert "    hw:9: No such device" in explained
    assert "@SPEAKERD_" not in explained


def test_what_is_read_back_has_its_kind_and_its_fields(recorded):
    journal, _, _ = recorded
    told = list(journalreader.read(SINCE, "", journal))
    turns = [one for one in told if one.event == "TurnMeasured"]
    assert [turn.fields["wake_to_chime_ms"] for turn in turns] == ["100.0", "110.0", "120.0"]
    assert not any(turn.is_fault for turn in turns)
    assert {one.event for one in told if one.is_fault} == {"NoQuota", "DeviceFailed", "SkillFailed", "SoundLost"}
    assert {one.event for one in told} <= set(MESSAGE_IDS)
    assert [one.at for one in told] == sorted(one.at for one in told)


def test_nothing_is_read_of_another_unit_or_of_before(recorded, monkeypatch):
    """Of a process without a unit journald knows the program's name instead."""
    journal, _, _ = recorded
    assert list(journalreader.read(SINCE, "speakerd.service", journal)) == []
    everything = list(journalreader.read(SINCE, "", journal))
    monkeypatch.setattr(journalreader, "UNIT_FIELD", "_EXE")
    assert list(journalreader.read(SINCE, str(Path(sys.executable).resolve()), journal)) == everything
    assert list(journalreader.read(SINCE, "/usr/bin/another", journal)) == []
    assert list(journalreader.read(datetime(2200, 1, 1, tzinfo=UTC), "", journal)) == []


def test_the_events_file_gives_the_same_figures(recorded):
    journal, _, events = recorded
    of_journal = json.loads(stats("--since", "1d", "--json", "--unit", "", "--journal", journal))
    of_events = json.loads(stats("--since", "1d", "--json", "--events", events))
    del of_journal["since"], of_events["since"]
    assert of_journal == of_events
    whole = of_journal["all"]
    assert whole["counts"] == {
        "starts": 1, "wakes": 3, "conversations": 3, "turns": 3, "interruptions": 0, "false_interruptions": 3,
        "capture_xruns": 3, "capture_dropped": 0, "playback_xruns": 0, "playout_underruns": 0, "faults": 14,
    }  # fmt: skip
    assert whole["faults"] == {"SkillFailed": 9, "NoQuota": 3, "SoundLost": 1, "DeviceFailed": 1}
    assert whole["times"]["wake_to_chime_ms"] == {"count": 3, "p50": 110.0, "p95": 120.0}
    assert whole["times"]["turn_end_to_sound_ms"] == {"count": 3, "p50": 500.0, "p95": 500.0}
    assert whole["usd"] == "0.0369"


def test_the_table_tells_it_to_people(recorded):
    journal, _, _ = recorded
    text = stats("--since", "1d", "--unit", "", "--journal", journal)
    assert "110 120  300 300" in text
    assert "SkillFailed" in text
    assert max(map(len, text.splitlines())) <= 80


ENDS = r"""
import os, subprocess, sys
from pathlib import Path
from systemd.journal import stream

folder = Path(sys.argv[0]).parent
(folder / "bad.yaml").write_text("nonsense: 1\naudio: {volume_percent: 200}\n")
dies = "from speakerd.service.journal import setup_logging\nsetup_logging('info')\n1 / 0\n"
(folder / "dies.py").write_text(dies)
for command in (["-m", "speakerd", "run", "--config", str(folder / "bad.yaml")], [str(folder / "dies.py")]):
    with stream("speakerd") as stderr:
        stat = os.fstat(stderr.fileno())
        told = {**os.environ, "JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}
        ended = subprocess.run([sys.executable, *command], stderr=stderr, env=told, check=False)
    print(ended.returncode)
"""


def test_why_the_daemon_ended_is_one_entry_with_its_explanation(tmp_path):
    journal, explained = record(tmp_path, ENDS)
    refused, died = journalreader.read(SINCE, "", journal)
    assert (refused.event, died.event) == ("BadConfiguration", "Crashed")
    assert died.fields["error"] == "ZeroDivisionError"
    assert "Subject: The configuration cannot be used" in explained
    assert "nonsense" in explained
    assert "volume_percent" in explained
    assert "Subject: speakerd died of a fault in it" in explained
    assert "The error ZeroDivisionError was not expected anywhere" in explained
    assert explained.count("Traceback (most recent call last)") == 1
