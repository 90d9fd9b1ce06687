"""What the journal is told that counts goes to the events file as well, for `speakerd stats --events`."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator

from speakerd.logfields import fields_of
from speakerd.service.eventlog import EventLog
from speakerd.service.stats.tally import COUNTED
from speakerd.wallclock import local_now


class _ToldHandler(logging.Handler):
    """Writes one line for each entry that counts. Any thread."""

    def __init__(self, eventlog: EventLog) -> None:
        super().__init__()
        self._eventlog = eventlog

    def emit(self, record: logging.LogRecord) -> None:
        given = dict(fields_of(record))
        kind = str(given.pop("event", ""))
        is_fault = record.levelno >= logging.WARNING
        if kind and (is_fault or kind in COUNTED):
            at = local_now().isoformat(timespec="milliseconds")
            told = {name: value if isinstance(value, int | float) else str(value) for name, value in given.items()}
            self._eventlog.write("Told", time.monotonic(), at=at, kind=kind, is_fault=is_fault, **told)


@contextlib.contextmanager
def told_to(eventlog: EventLog) -> Iterator[None]:
    """Meanwhile the file gets them."""
    handler, logger = _ToldHandler(eventlog), logging.getLogger("speakerd")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
