"""What a log entry looks like in the journal and on a terminal."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speakerd.conversation.state import State
from speakerd.logfields import fields
from speakerd.service import journal
from speakerd.service.journal import JournalHandler, setup_logging, stderr_is_journal, tell_end
from speakerd.service.message_ids import MESSAGE_IDS
from speakerd.service.tempered import Tempered


class Journald:
    """Takes what `systemd.journal.send` would."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def send(self, message: str, **values: Any) -> None:
        self.entries.append({"MESSAGE": message, **values})


@pytest.fixture(autouse=True)
def _tidy_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("speakerd")
    before = root.level, ours.level, list(root.handlers)
    yield
    root.setLevel(before[0])
    ours.setLevel(before[1])
    root.handlers[:] = before[2]


@pytest.fixture
def journald() -> Journald:
    return Journald()


@pytest.fixture
def logger(journald: Journald) -> Iterator[logging.Logger]:
    logger = logging.getLogger("speakerd.test_journal")
    logger.setLevel(logging.DEBUG)
    handler = JournalHandler(journald.send)
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def test_fields_stand_beside_the_sentence(logger: logging.Logger, journald: Journald) -> None:
    logger.info("woken by %s", "alexa", extra=fields(event="WakeDetected", state=State.CONNECTING, latency_ms=12.5))
    entry = journald.entries[0]
    assert entry["MESSAGE"] == "woken by alexa"
    assert entry["SPEAKERD_EVENT"] == "WakeDetected"
    assert entry["MESSAGE_ID"] == MESSAGE_IDS["WakeDetected"]
    assert entry["SPEAKERD_STATE"] == "CONNECTING"
    assert entry["SPEAKERD_LATENCY_MS"] == "12.5"
    assert entry["SYSLOG_IDENTIFIER"] == "speakerd"
    assert entry["LOGGER"] == "speakerd.test_journal"
    assert entry["CODE_FUNC"] == "test_fields_stand_beside_the_sentence"


def test_half_a_surrogate_is_escaped(logger: logging.Logger, journald: Journald) -> None:
    logger.info("said %s", "a\ud83d", extra=fields(event="Said", text="\ud83d"))
    (entry,) = journald.entries
    assert (entry["MESSAGE"], entry["SPEAKERD_TEXT"]) == (r"said a\ud83d", r"\ud83d")


def test_none_is_no_field(logger: logging.Logger, journald: Journald) -> None:
    logger.info("hm", extra=fields(event="Hm", score=None, word="alexa"))
    entry = journald.entries[0]
    assert [name for name in entry if name.startswith("SPEAKERD_")] == ["SPEAKERD_EVENT", "SPEAKERD_WORD"]


@pytest.mark.parametrize("extra", [{}, fields(event="NoSuchKind"), {"speakerd_fields": "nonsense"}])
def test_an_entry_of_no_known_kind_has_no_id(
    logger: logging.Logger, journald: Journald, extra: dict[str, object]
) -> None:
    logger.info("hm", extra=extra)
    assert "MESSAGE_ID" not in journald.entries[0]


@pytest.mark.parametrize(("level", "priority"), [("debug", 7), ("info", 6), ("warning", 4), ("error", 3)])
def test_levels_are_those_of_syslog(logger: logging.Logger, journald: Journald, level: str, priority: int) -> None:
    getattr(logger, level)("hm")
    assert journald.entries[0]["PRIORITY"] == str(priority)


def test_a_traceback_is_part_of_the_message(logger: logging.Logger, journald: Journald) -> None:
    try:
        int("broken")
    except ValueError:
        logger.exception("worker died")
    assert journald.entries[0]["MESSAGE"].startswith("worker died\nTraceback")
    assert journald.entries[0]["MESSAGE"].endswith("'broken'")


@pytest.mark.parametrize("broken", [OSError("journald is gone"), ValueError("no such field")])
def test_a_journal_that_fails_does_not_end_the_daemon(broken: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def send(message: str, **values: Any) -> None:
        raise broken

    handler = JournalHandler(send)
    handler.handle(logging.LogRecord("speakerd", logging.INFO, __file__, 1, "important", (), None))
    assert "important" in capsys.readouterr().err


def test_the_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    setup_logging("info")
    setup_logging("info")  # again: not twice the lines
    logger = logging.getLogger("speakerd.anything")
    logger.info("listening", extra=fields(event="SessionReady", state=State.LISTENING))
    logger.debug("not this")
    logging.getLogger("websockets.client").info("nor this")
    logging.getLogger("websockets.client").warning("but this")
    lines = terminal.getvalue().splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} INFO listening", lines[0])
    assert lines[1].endswith(" WARNING but this")


def test_debug_is_for_speakerd_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    setup_logging("debug")
    logging.getLogger("speakerd.mic").debug("mine")
    logging.getLogger("websockets.client").debug("> Authorization: Bearer of a secret")
    assert "mine" in terminal.getvalue()
    assert "secret" not in terminal.getvalue()


def test_stderr_is_the_journal_if_systemd_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "stream").open("w") as stream:
        stat = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino}")
        assert stderr_is_journal(stream)
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino + 1}")
        assert not stderr_is_journal(stream)
        monkeypatch.delenv("JOURNAL_STREAM")
        assert not stderr_is_journal(stream)


def test_streams_without_a_file_are_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    closed = (tmp_path / "stream").open("w")
    closed.close()
    assert [stderr_is_journal(stream) for stream in (None, io.StringIO(), closed)] == [False] * 3


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journald: Journald) -> Path:
    """What is written to stderr goes to the journal; journald's socket, which is not there yet."""
    socket = tmp_path / "socket"
    monkeypatch.setattr(journal, "_JOURNAL_SOCKET", socket)
    monkeypatch.setattr(journal, "stderr_is_journal", lambda _stream: True)
    monkeypatch.setattr(JournalHandler.__init__, "__defaults__", (journald.send,))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    return socket


def where_entries_go() -> list[logging.Handler]:
    return [handler.inner for handler in logging.getLogger().handlers if isinstance(handler, Tempered)]


@pytest.mark.parametrize("socket_is_there", [True, False])
def test_a_service_writes_to_the_journal_if_it_is_there(service: Path, socket_is_there: bool) -> None:
    if socket_is_there:
        service.touch()
    setup_logging("info")
    assert any(isinstance(one, JournalHandler) for one in where_entries_go()) is socket_is_there


def test_why_the_process_ends_is_one_entry_of_the_journal(service: Path, journald: Journald) -> None:
    assert not tell_end("BadConfiguration", "not where nobody listens")
    service.touch()
    assert tell_end("BadConfiguration", "line 3: 100 %\nline 4: wrong, too")
    (entry,) = journald.entries
    assert entry["MESSAGE"] == "line 3: 100 %\nline 4: wrong, too"
    assert entry["MESSAGE_ID"] == MESSAGE_IDS["BadConfiguration"]
    assert entry["PRIORITY"] == "3"


def test_an_error_that_nobody_caught_is_one_entry_too(service: Path, journald: Journald) -> None:
    service.touch()
    setup_logging("info")
    try:
        int("broken")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    (entry,) = journald.entries
    assert entry["MESSAGE"].startswith("The daemon died of a fault in it: ValueError\nTraceback")
    assert (entry["SPEAKERD_ERROR"], entry["PRIORITY"]) == ("ValueError", "2")
    assert entry["MESSAGE_ID"] == MESSAGE_IDS["Crashed"]
