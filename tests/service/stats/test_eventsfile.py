"""An events file, read back."""

from __future__ import annotations

import contextlib
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from speakerd.conversation.state import State
from speakerd.errors import SpeakerdError
from speakerd.logfields import fields
from speakerd.service.eventlog import EventLog
from speakerd.service.stats.eventsfile import decode, read
from speakerd.service.toldlog import told_to

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
log = logging.getLogger("speakerd.service.test_eventsfile")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@contextlib.contextmanager
def telling(path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, "speakerd"), contextlib.closing(EventLog(path)) as events, told_to(events):
        yield events


def test_what_counts_is_written_and_read_back(path, caplog):
    with telling(path, caplog) as events:
        events.write("WakeDetected", 1.0, state=State.IDLE)
        log.info("woken", extra=fields(event="WakeDetected", from_state=State.IDLE, score=0.9))
        log.warning("no", extra=fields(event="SkillFailed", skill="lamp"))
        log.info("not counted", extra=fields(event="ConversationOver"))
        log.debug("nor this")
    log.warning("nor this, which comes too late", extra=fields(event="SkillFailed", skill="x"))
    woken, failed = read(path, SINCE)
    assert (woken.event, woken.is_fault) == ("WakeDetected", False)
    assert (woken.fields["from_state"], woken.fields["score"]) == ("IDLE", "0.9")
    assert (failed.event, failed.is_fault, failed.fields["skill"]) == ("SkillFailed", True, "lamp")
    assert list(read(path, datetime(2200, 1, 1, tzinfo=UTC))) == []


def test_words_never_come_into_it_this_way(path, caplog):
    """They have a place of their own in it, for those who ask: `transcripts.events`."""
    with telling(path, caplog):
        for kind in ("Said", "SaidPartly", "SaidCut"):
            log.info("written down", extra=fields(event=kind, text="a secret"))
    assert "secret" not in path.read_text()


@pytest.mark.parametrize(
    "line",
    [
        b"", b"\n", b"Told", b'"Told"', b'["Told"]', b'{"event": "Told"}',
        b'{"event": "Told", "at": 3, "kind": "Ready"}',
        b'{"event": "Told", "at": "2026-11-20T12:00:00", "kind": "Ready", "is_fault": false}',
        b'{"event": "Told", "at": "2026-11-20T12:00:00+00:00", "kind": "Ready"}',
        b'{"event": "Told", "at": "9999-12-31T23:59:59-12:00", "kind": "Ready", "is_fault": false}',
        b'{"event": "Told", "at": "2026-11-20T12:00:00+00:00", "kind": "Other", "is_fault": false}',
        b'{"event": "Told", "at": "2026-11-20T12:00:00+00:00", "kind": "Ready", "is_fault"',
        b'"Told"' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_line_that_tells_nothing_is_left_out(line):
    assert decode(line) is None


def test_a_torn_file_costs_its_torn_lines(path):
    whole = {"event": "Told", "at": "2026-11-20T12:00:00+00:00", "kind": "Ready", "is_fault": False}
    path.write_bytes(b'{"event": "Told", "at": "20\n' + json.dumps(whole).encode() + b"\n\xff\xfe\n" + b'{"event"')
    assert [told.event for told in read(path, SINCE)] == ["Ready"]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SpeakerdError, match=r"nothing\.jsonl: No such file"):
        list(read(tmp_path / "nothing.jsonl", SINCE))
