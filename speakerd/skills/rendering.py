"""What a skill returned, as a text for the model, never longer than allowed. Pure.

Every character of it is paid for, with this response and with each one after it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from enum import Enum
from typing import Any

from pydantic import BaseModel

NOTHING = "Done."
"""What the model is told when a skill returned nothing."""

_CUT = " … (cut: {} of {} characters)"
_CUT_OPEN = " … (cut: the first {} characters)"


def render(value: object, limit: int) -> str:
    """`value` as a text of at most `limit` characters (at least 60), cut with a note. Texts as they are, else JSON.

    Of large values only the beginning is looked at. Raises ValueError, TypeError or RecursionError without JSON.
    """
    if value is None:
        return NOTHING
    if isinstance(value, str) and not isinstance(value, Enum):
        return cut(value, limit) or NOTHING
    pieces: list[str] = []
    length = 0
    for piece in _Encoder(ensure_ascii=False, separators=(",", ":")).iterencode(value):
        pieces.append(piece)
        length += len(piece)
        if length > limit:
            note = _CUT_OPEN.format(limit)
            return "".join(pieces)[: limit - len(note)] + note
    return "".join(pieces)


def cut(text: str, limit: int) -> str:
    """`text` without white space at its ends or runs of it inside, at most `limit` characters long."""
    whole = len(text)
    # Half a surrogate cannot be sent; what is surely too long need not be looked at to its end.
    kept = text[: 4 * limit].encode("utf-8", "replace").decode("utf-8")
    lines = (" ".join(line.split()) for line in kept.splitlines())
    tidy = "\n".join(line for line in lines if line)
    if len(tidy) <= limit and whole <= 4 * limit:
        return tidy
    note = _CUT.format(limit, whole)
    return tidy[: limit - len(note)] + note


class _Encoder(json.JSONEncoder):
    """JSON for what skills return: also dates, enumerations, dataclasses, pydantic's models, sets."""

    def default(self, o: Any) -> Any:  # noqa: ANN401 - as the base class has it
        if isinstance(o, BaseModel):
            return o.model_dump(mode="json")
        if dataclasses.is_dataclass(o) and not isinstance(o, type):
            return {field.name: getattr(o, field.name) for field in dataclasses.fields(o)}
        if isinstance(o, datetime | date | time):
            return o.isoformat()
        if isinstance(o, Enum):
            return o.value
        if isinstance(o, bytes | bytearray | memoryview):
            return f"{len(o)} bytes"
        if isinstance(o, Mapping):
            return dict(o)
        if isinstance(o, Iterable):
            return list(_first(o))
        return str(o)


_MOST_ITEMS = 10_000


def _first(items: Iterable[object]) -> Iterable[object]:
    for number, item in enumerate(items):
        if number >= _MOST_ITEMS:
            return
        yield item
