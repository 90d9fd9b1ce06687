"""Reads back from the journal what this program told it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from systemd.journal import Reader

from speakerd.errors import SpeakerdError
from speakerd.service.message_ids import MESSAGE_IDS
from speakerd.service.stats.tally import COUNTED, Told

UNIT_FIELD = "_SYSTEMD_UNIT"
_PREFIX = "SPEAKERD_"
_WARNING = 4
"""Syslog's number; what is worse is less."""


def read(since: datetime, unit: str, folder: Path | None = None) -> Iterator[Told]:
    """The entries of `unit` from then on that count, as they come: counted kinds by MESSAGE_ID, and faults.

    `folder`: journal files of another machine, or of a test; else this machine's. Raises SpeakerdError.
    """
    try:
        reader = Reader(path=str(folder)) if folder else Reader()
    except OSError as error:
        where = str(folder) if folder else "the journal"
        hint = "name a folder of journal files" if folder else "as root: sudo speakerd stats"
        raise SpeakerdError(f"{where} cannot be read: {error.strerror}", hint=hint) from error
    with reader:
        _choose(reader, unit)
        reader.seek_realtime(since)
        for entry in reader:
            told = decode(entry)
            if told is not None and told.at >= since:
                yield told


def _choose(reader: Reader, unit: str) -> None:
    """The unit's counted kinds, and its faults: libsystemd takes `or` before `and`."""
    if unit:
        reader.add_match(**{UNIT_FIELD: unit})
        reader.add_conjunction()
    for kind in sorted(COUNTED):
        reader.add_match(MESSAGE_ID=MESSAGE_IDS[kind])
    reader.add_disjunction()
    reader.add_match(SYSLOG_IDENTIFIER="speakerd")
    for priority in range(_WARNING + 1):
        reader.add_match(PRIORITY=str(priority))


def decode(entry: Mapping[str, Any]) -> Told | None:
    """An entry of the journal; None if it is none of ours."""
    event, at = entry.get(f"{_PREFIX}EVENT"), entry.get("__REALTIME_TIMESTAMP")
    if not isinstance(event, str) or not isinstance(at, datetime):
        return None
    given = {
        name.removeprefix(_PREFIX).lower(): str(value) for name, value in entry.items() if name.startswith(_PREFIX)
    }
    priority = entry.get("PRIORITY")
    return Told(at.astimezone(), event, isinstance(priority, int) and priority <= _WARNING, given)
