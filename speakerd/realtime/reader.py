"""Checked access to the fields of one JSON message. Pure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


class UnreadableError(ValueError):
    """A message that is no JSON object, or lacks what its type needs. Holds no payload."""


MAX_COUNT = 10**12
"""More than this of anything is nonsense."""


@dataclass(slots=True)
class Reader:
    """One JSON object; every method raises UnreadableError if a field is of a wrong type."""

    data: Json
    path: str = field(default="")

    def text(self, key: str, default: str | None = None) -> str:
        """A string; `default` stands for a missing field and for null."""
        value = self.data.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise UnreadableError(f"{self.path}{key}: a string expected")
        return _whole(value)

    def number(self, key: str, default: int) -> int:
        """An integer."""
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise UnreadableError(f"{self.path}{key}: an integer expected")
        return value

    def real(self, key: str, default: float) -> float:
        """An integer or a fraction."""
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise UnreadableError(f"{self.path}{key}: a number expected")
        number = finite(value)
        if number is None:
            raise UnreadableError(f"{self.path}{key}: a number of this world expected")
        return number

    def child(self, key: str, *, optional: bool = False) -> Reader:
        """An object; an optional one that is missing or null is empty."""
        value = self.data.get(key)
        if value is None and optional:
            value = {}
        if not isinstance(value, dict):
            raise UnreadableError(f"{self.path}{key}: an object expected")
        return Reader(value, f"{self.path}{key}.")

    def lenient(self, key: str) -> Reader:
        """An object; empty where there is none: for what must not make the rest unreadable."""
        value = self.data.get(key)
        return Reader(value if isinstance(value, dict) else {}, f"{self.path}{key}.")

    def text_or_nothing(self, key: str) -> str:
        """A string; empty where there is none: for what must not make the rest unreadable."""
        value = self.data.get(key)
        return _whole(value) if isinstance(value, str) else ""

    def count(self, key: str) -> int:
        """An amount; 0 where there is none: for what must not make the rest unreadable."""
        value = self.data.get(key)
        return min(max(0, value), MAX_COUNT) if isinstance(value, int) and not isinstance(value, bool) else 0

    def children(self, key: str) -> list[Reader]:
        """The objects in a list; what is no list or no object is left out."""
        value = self.data.get(key)
        objects = value if isinstance(value, list) else ()
        return [Reader(one, f"{self.path}{key}.") for one in objects if isinstance(one, dict)]


def _whole(text: str) -> str:
    """Without halves of characters, which JSON can hold and nothing else."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def finite(value: object) -> float | None:
    """A number to reckon with; None for what is none, such as the infinity that JSON can hold here."""
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read(text: str) -> Reader:
    """One text frame. Raises UnreadableError."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("JSON expected") from error
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise UnreadableError("an object with a `type` expected")
    return Reader(data)
