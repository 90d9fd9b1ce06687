"""Where log entries go: to the journal with fields, or to a terminal as plain lines.

An entry is one sentence; figures that a machine may want go beside it, in `fields`:

    _LOG.info("listening", extra=fields(state=State.LISTENING, latency_ms=12.5))

In the journal they become SPEAKERD_STATE=LISTENING and SPEAKERD_LATENCY_MS=12.5, so that
`journalctl -t speakerd SPEAKERD_STATE=LISTENING` finds them. What was said, payloads and keys
belong in neither.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from systemd.journal import send

_FIELDS = "speakerd_fields"
_IDENTIFIER = "speakerd"
_JOURNAL_SOCKET = Path("/run/systemd/journal/socket")


def fields(**values: object) -> dict[str, object]:
    """The `extra=` of a log call. Names are lower case with their unit; None values are left out."""
    return {_FIELDS: {name: value for name, value in values.items() if value is not None}}


def setup_logging(level: str) -> None:
    """Send the entries of speakerd from `level` up, and the warnings of libraries, to one place. May be called again.

    `level` as in the configuration: debug, info, warning, error.
    """
    handler: logging.Handler
    if stderr_is_journal(sys.stderr) and _JOURNAL_SOCKET.exists():
        handler = JournalHandler()
    else:
        handler = TerminalHandler(sys.stderr)
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, JournalHandler | TerminalHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    # Libraries stay at warnings even in debug: `websockets` would write every frame, and the key.
    root.setLevel(logging.WARNING)
    logging.getLogger("speakerd").setLevel(level.upper())


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
            message = self.format(record)
            entry = {f"SPEAKERD_{name.upper()}": str(value) for name, value in _fields_of(record).items()}
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


def _fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    found = getattr(record, _FIELDS, {})
    return found if isinstance(found, Mapping) else {}


def _priority(level: int) -> int:
    """Syslog's number for a level of `logging`: 7 debug, 6 info, 4 warning, 3 error, 2 critical."""
    limits = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
    return next((number for limit, number in limits if level >= limit), 7)
