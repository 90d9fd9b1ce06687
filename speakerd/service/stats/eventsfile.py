"""Reads an events file (`speakerd run --events FILE`): what was told to the journal is in it, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from speakerd.errors import SpeakerdError
from speakerd.service.stats.tally import COUNTED, Told

_LONGEST_LINE = 1_000_000


def read(path: Path, since: datetime) -> Iterator[Told]:
    """The entries from then on, as they come; lines that are damaged are left out. Raises SpeakerdError."""
    try:
        with path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                told = decode(line)
                if told is not None and told.at >= since:
                    yield told
    except OSError as error:
        raise SpeakerdError(f"{path}: {error.strerror}", hint="name the file of `speakerd run --events`") from error


def decode(line: bytes) -> Told | None:
    """The entry of a line; None if there is none in it that counts."""
    if b'"Told"' not in line:
        return None
    try:
        given = json.loads(line)
        at = datetime.fromisoformat(given.pop("at"))
        kind, is_fault = str(given.pop("kind")), given.pop("is_fault") is True
        if at.tzinfo is None or not (is_fault or kind in COUNTED):
            return None
        at = at.astimezone()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
    return Told(at, kind, is_fault, {name: str(value) for name, value in given.items()})
