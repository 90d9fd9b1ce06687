"""Entries of the ledger, and the lines that hold them. Pure.

A line is `CHECKSUM JSON\\n`: the CRC-32 of the JSON's bytes in eight hexadecimal digits. What is zero or empty is
left out; what a later version adds is ignored.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from speakerd.purse.usage import MAX_COUNT, Tokens, Traffic

MAX_NAME_CHARACTERS = 120
"""Longer names of models and personas are cut, so that a line stays within a page of memory."""

_NO_TOKENS = Tokens()
_NO_TRAFFIC = Traffic()
_TOKENS = tuple(field.name for field in fields(Tokens))
_TRAFFIC = tuple(field.name for field in fields(Traffic))
_COUNTS = ("responses", "conversations", "transcriptions", "unpriced", "heard_ms")
_NAMES = ("conversation", "persona", "model", "notice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happened, or the sum of several such: whatever is added up may be added to another entry."""

    at: datetime
    """On the user's clock, with the offset from UTC of then; of a sum, when the last of it happened."""
    conversation: str = ""
    """Its id; empty in a sum."""
    persona: str = ""
    model: str = ""
    notice: str = ""
    """A warning that was given, so that it is given once: `warned day`, `exhausted month`, …"""
    responses: int = 0
    transcriptions: int = 0
    conversations: int = 0
    """1 in the first entry of a conversation."""
    unpriced: int = 0
    """Responses and transcriptions without a known price: they are not in `usd`."""
    usd: Decimal = Decimal(0)
    heard_ms: int = 0
    """Sound transcribed by models that are paid by the minute."""
    tokens: Tokens = _NO_TOKENS
    traffic: Traffic = _NO_TRAFFIC
    """What went over the wire since the conversation's entry before."""

    def __add__(self, other: Entry) -> Entry:
        """The sum, with the names of this one and the later time."""
        return Entry(
            at=max(self.at, other.at),
            conversation=self.conversation,
            persona=self.persona,
            model=self.model,
            notice=self.notice,
            **{name: getattr(self, name) + getattr(other, name) for name in _COUNTS},
            usd=self.usd + other.usd,
            tokens=self.tokens + other.tokens,
            traffic=self.traffic + other.traffic,
        )


class DamagedError(ValueError):
    """A line that was not written so."""


def encode(entry: Entry) -> bytes:
    """The line of `entry`, with its line feed."""
    content: dict[str, Any] = {"at": entry.at.isoformat(timespec="seconds")}
    content |= {name: getattr(entry, name)[:MAX_NAME_CHARACTERS] for name in _NAMES}
    content |= {name: getattr(entry, name) for name in _COUNTS}
    content |= {name: getattr(entry.tokens, name) for name in _TOKENS}
    content |= {name: getattr(entry.traffic, name) for name in _TRAFFIC}
    content["usd"] = f"{entry.usd.normalize():f}" if entry.usd else ""
    # ASCII: no name, however odd, can break the line or its encoding.
    data = json.dumps({name: value for name, value in content.items() if value}, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(data), data)


def decode(line: bytes) -> Entry:
    """The entry of a line, with or without its line feed. Raises DamagedError."""
    checksum, _, data = line.removesuffix(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(data):
        raise DamagedError("the checksum differs")
    try:
        content = json.loads(data)
        at = datetime.fromisoformat(content["at"])
        usd = Decimal(content.get("usd", "0"))
        names = {name: content.get(name, "") for name in _NAMES}
        counts = {name: content.get(name, 0) for name in (*_COUNTS, *_TOKENS, *_TRAFFIC)}
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation, RecursionError) as error:
        raise DamagedError(f"no entry: {type(error).__name__}") from error
    sound = (
        at.tzinfo is not None
        and usd.is_finite()
        and all(isinstance(name, str) for name in names.values())
        and all(type(count) is int and 0 <= count <= MAX_COUNT for count in counts.values())
    )
    if not sound:
        raise DamagedError("no entry: a value is of another kind")
    return Entry(
        at=at,
        usd=usd,
        tokens=Tokens(**{name: counts.pop(name) for name in _TOKENS}),
        traffic=Traffic(**{name: counts.pop(name) for name in _TRAFFIC}),
        **names,
        **counts,
    )


def decode_all(data: bytes) -> tuple[list[Entry], int, int]:
    """All entries in a file's content, the number of damaged lines, and the bytes of a torn end.

    A torn end is what follows the last line feed: a line that was being written when the power went.
    """
    whole = data[: data.rfind(b"\n") + 1]
    entries: list[Entry] = []
    damaged = 0
    for line in whole.split(b"\n")[:-1]:
        try:
            entries.append(decode(line))
        except DamagedError:
            damaged += 1
    return entries, damaged, len(data) - len(whole)


def rolled_up(entries: Iterable[Entry]) -> list[Entry]:
    """One entry for each day, persona and model, and the notices as they were, in the order of time.

    Two times are of the same day if the user's clock showed the same date.
    """
    sums: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        key = (entry.at.date(), entry.persona, entry.model, entry.notice)
        plain = Entry(at=entry.at, persona=entry.persona, model=entry.model, notice=entry.notice)
        sums[key] = sums.get(key, plain) + entry
    return sorted(sums.values(), key=lambda entry: (entry.at.date(), entry.at))
