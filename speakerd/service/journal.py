"""Where log entries go: to the journal with their fields and a MESSAGE_ID, or to a terminal as plain lines.

An entry is one sentence; figures that a machine may want go beside it, see `logfields`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from systemd.journal import send

from speakerd.logfields import fields as fields
from speakerd.logfields import fields_of
from speakerd.service.message_ids import MESSAGE_IDS
from speakerd.service.tempered import Tempered

log = logging.getLogger(__name__)

_IDENTIFIER = "speakerd"
_JOURNAL_SOCKET = Path("/run/systemd/journal/socket")


def setup_logging(level: str) -> None:
    """Send the entries of speakerd from `level` up, and the warnings of libraries, to one place. May be called again.

    `level` as in the configuration: debug, info, warning, error.
    """
    handler: logging.Handler
    if _journal_listens():
        handler = JournalHandler()
        sys.excepthook = _tell_crash
    else:
        handler = TerminalHandler(sys.stderr)
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, Tempered)]:
        root.removeHandler(old)
    root.addHandler(Tempered(handler))
    # Libraries stay at warnings even in debug: `websockets` would write every frame, and the key.
    root.setLevel(logging.WARNING)
    logging.getLogger("speakerd").setLevel(level.upper())


def tell_left_out() -> None:
    """Tell what was left out of the log, as it came too often, once its time has come. Call it every few seconds."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Tempered):
            handler.settle()


def tell_end(event: str, message: str) -> bool:
    """Why the process ends, as one entry of the journal; False, and nothing, if stderr is not the journal."""
    if not _journal_listens():
        return False
    record = log.makeRecord(log.name, logging.ERROR, __file__, 0, "%s", (message,), None, extra=fields(event=event))
    JournalHandler().handle(record)
    return True


def _tell_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Python's last word on an error that nobody caught: one entry, not one for each line."""
    told = fields(event="Crashed", error=kind.__name__)
    log.critical("The daemon died of a fault in it: %s", kind.__name__, exc_info=(kind, error, trace), extra=told)


def _journal_listens() -> bool:
    return stderr_is_journal(sys.stderr) and _JOURNAL_SOCKET.exists()


def stderr_is_journal(stream: TextIO | None) -> bool:
    """True if what is written to `stream` goes to journald: systemd told us its device and inode."""
    told = os.environ.get("JOURNAL_STREAM")
    if not told or stream is None:
        return False
    try:
        stat = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file behind it, or closed
        return False
    return told == f"{stat.st_dev}:{stat.st_ino}"


class JournalHandler(logging.Handler):
    """Writes to journald by its own protocol, so that fields survive. Never raises."""

    def __init__(self, send: Callable[..., object] = send) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one entry; what cannot be sent goes to stderr."""
        try:
            message = _utf8(self.format(record))
            given = fields_of(record)
            entry = {f"SPEAKERD_{name.upper()}": _utf8(str(value)) for name, value in given.items()}
            if message_id := MESSAGE_IDS.get(str(given.get("event"))):
                entry["MESSAGE_ID"] = message_id
            self._send(
                message,
                PRIORITY=str(_priority(record.levelno)),
                SYSLOG_IDENTIFIER=_IDENTIFIER,
                LOGGER=record.name,
                THREAD_NAME=record.threadName or "",
                CODE_FILE=record.pathname,
                CODE_LINE=record.lineno,
                CODE_FUNC=record.funcName,
                **entry,
            )
        except Exception:  # noqa: BLE001 - a log entry must never end the daemon, whatever is in it
            self.handleError(record)


class TerminalHandler(logging.StreamHandler[TextIO]):
    """Plain lines: `12:34:56.789 INFO listening`. Never raises."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream)
        self.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(message)s", datefmt="%H:%M:%S"))


def _utf8(text: str) -> str:
    """`text`, with an escape for half a surrogate, which JSON of others may hold and journald does not take."""
    return text.encode("utf-8", "backslashreplace").decode()


def _priority(level: int) -> int:
    """Syslog's number for a level of `logging`: 7 debug, 6 info, 4 warning, 3 error, 2 critical."""
    limits = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
    return next((number for limit, number in limits if level >= limit), 7)
