"""The events file."""

from __future__ import annotations

import json
import logging
import resource
import signal
from pathlib import Path

import pytest

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.errors import SpeakerdError
from speakerd.service.eventlog import EventLog


def test_an_event_and_the_change_it_made(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.event(ev.WakeDetected("alexa", 0.9, 77), State.IDLE, State.CONNECTING, 12.34567, {"x_ms": 1.5})
    log.event(ev.PlayoutFlushed((ev.ItemHeard("i", 640, 900),)), State.LISTENING, State.LISTENING, 13.0, {})
    log.close()
    wake, change, flushed = (json.loads(line) for line in path.read_text().splitlines())
    assert wake == {
        "t": 12.3457, "event": "WakeDetected", "state": "CONNECTING",
        "word": "alexa", "score": 0.9, "frame_index": 77, "by_hand": False, "x_ms": 1.5,
    }  # fmt: skip
    assert change == {"t": 12.3457, "event": "StateChanged", "state": "CONNECTING", "from": "IDLE"}
    assert flushed["items"] == [{"item_id": "i", "heard_ms": 640, "received_ms": 900}]
    assert flushed["heard_ms"] == 640


def test_it_appends(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    for _ in range(2):
        log = EventLog(path)
        log.write("Ready", 1.0, state="IDLE")
        log.close()
    assert len(path.read_text().splitlines()) == 2


def test_a_full_disk_costs_lines_but_not_the_daemon(caplog: pytest.LogCaptureFixture):
    log = EventLog(Path("/dev/full"))
    for _ in range(3):
        log.write("Ready", 1.0, state="IDLE")
    log.close()
    assert log.lost == 3
    assert [(r.levelno, r.message) for r in caplog.records] == [
        (logging.WARNING, "Events are lost: --events /dev/full: No space left on device")
    ]


def test_a_line_that_found_half_its_room_spoils_no_other(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, limits[1]))
        for number in (1, 2):
            log.write("Ready", 1.0, state="IDLE", number=number)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    log.write("Ready", 1.0, state="IDLE", number=3)
    log.close()
    first, half, last = path.read_text().splitlines()
    assert [json.loads(first)["number"], json.loads(last)["number"]] == [1, 3]
    assert len(half) < len(first)
    assert log.lost == 1


def test_half_a_letter_from_the_server_can_be_written(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.write("Said", 1.0, text="né \ud83d")
    log.close()
    assert json.loads(path.read_text())["text"] == "né \ud83d"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path):
    with pytest.raises(SpeakerdError, match=r"--events .*nowhere/events.jsonl: No such file"):
        EventLog(tmp_path / "nowhere" / "events.jsonl")
