"""The published schema as a referee: the `openai` package's types, strictly.

The package itself checks nothing when it reads (`construct`), and its models keep what they do not know.
So: the type must be one of the union's, values must be right without any conversion, and a walk over the
result finds what had to be kept as an extra.
"""

from __future__ import annotations

import json
from typing import Any

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter

CLIENT: TypeAdapter = TypeAdapter(RealtimeClientEvent)
SERVER: TypeAdapter = TypeAdapter(RealtimeServerEvent)

FREE = frozenset({"parameters", "metadata", "variables", "headers"})
"""Fields in which anything may stand."""


def unknown_fields(value: Any, path: str = "") -> list[str]:
    """Fields that the schema does not know, by their paths."""
    if isinstance(value, BaseModel):
        found = [f"{path}{name}" for name in value.model_extra or {}]
        for name in type(value).model_fields:
            if name not in FREE:
                found += unknown_fields(getattr(value, name), f"{path}{name}.")
        return found
    if isinstance(value, list | tuple):
        return [name for number, one in enumerate(value) for name in unknown_fields(one, f"{path}{number}.")]
    if isinstance(value, dict):
        return [name for key, one in value.items() for name in unknown_fields(one, f"{path}{key}.")]
    return []


def assert_valid(text: str) -> None:
    """The service knows such a message of ours, to the last field."""
    data = json.loads(text)
    model = CLIENT.validate_python(data, strict=True)
    assert unknown_fields(model) == []
    assert model.type == data["type"]
