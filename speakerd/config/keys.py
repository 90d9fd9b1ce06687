"""What keys there are, told from the models: for messages, for the environment, for the documentation. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeAlias

from speakerd.config.mistakes import listed
from speakerd.config.model import Config

KeyPath: TypeAlias = tuple[str, ...]
"""Names from the top down, e.g. `("wake", "words", "*", "threshold")`; `*` stands for each entry of a list."""

ENTRY = "*"

UNITS = {"_ms": "ms", "_s": "seconds", "_hz": "Hz", "_percent": "percent", "_dbfs": "dBFS", "_usd": "US dollars"}
"""Ending of a key's name and the unit that it tells."""

ENVIRONMENT_PREFIX = "SPEAKERD_"


class Kind(Enum):
    """What a value is."""

    SECTION = "section"
    LIST = "list"
    TEXT = "text"
    CHOICE = "choice"
    WHOLE = "whole number"
    NUMBER = "number"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, or a section of keys."""

    path: KeyPath
    kind: Kind
    doc: str
    """The text under the field in the model."""
    default: Any
    """Plain value as JSON would hold it; None for a section, and for a key that must be given."""
    expected: str
    """Type and range in plain words, e.g. `a whole number from 0 to 5000 (ms)`."""
    choices: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """`ms`, `Hz` …, or nothing."""
        return next((unit for ending, unit in UNITS.items() if self.path and self.path[-1].endswith(ending)), "")

    @property
    def environment_name(self) -> str:
        """The variable that sets this key; empty where none can (sections at the top, entries of a list)."""
        if len(self.path) < 2 or ENTRY in self.path:
            return ""
        return ENVIRONMENT_PREFIX + "__".join(self.path).upper()


@cache
def known_keys() -> Mapping[KeyPath, Key]:
    """All keys and sections of `Config` in the model's order; `()` is the whole."""
    schema = Config.model_json_schema()
    return {key.path: key for key in _walk((), schema, schema["$defs"])}


def children(path: KeyPath) -> list[str]:
    """Names directly below `path`."""
    return [known[-1] for known in known_keys() if known and known[:-1] == path and known[-1] != ENTRY]


def dotted(path: tuple[str | int, ...]) -> str:
    """`wake.words[0].model`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def known_path(path: tuple[str | int, ...]) -> KeyPath:
    """The path with every index of a list replaced by `*`."""
    return tuple(ENTRY if isinstance(part, int) else part for part in path)


def _walk(path: KeyPath, node: dict[str, Any], definitions: dict[str, Any]) -> Iterator[Key]:
    """The key that `node` of the JSON Schema describes, then those below."""
    doc = node.get("description", "")
    default = node.get("default")
    if "$ref" in node:
        node = definitions[node["$ref"].rsplit("/", 1)[-1]]
        doc = doc or node.get("description", "")
    if "properties" in node:
        keys = "keys" if len(node["properties"]) > 1 else "key"
        yield Key(path, Kind.SECTION, doc, None, f"a section with the {keys} {listed(node['properties'], 'and')}")
        for name, child in node["properties"].items():
            yield from _walk((*path, name), child, definitions)
    elif node["type"] == "array":
        entry = list(_walk((*path, ENTRY), node["items"], definitions))
        counts = f"a list of {node.get('minItems', 0)} to {node.get('maxItems', 'any number of')} entries"
        yield Key(path, Kind.LIST, doc, default, counts)
        yield from entry
    elif "enum" in node:
        choices = tuple(node["enum"])
        yield Key(path, Kind.CHOICE, doc, default, listed(choices), choices)
    else:
        kind = {"string": Kind.TEXT, "integer": Kind.WHOLE, "number": Kind.NUMBER, "boolean": Kind.SWITCH}[node["type"]]
        key = Key(path, kind, doc, default, "")
        yield Key(path, kind, doc, default, _expected(kind, node, key.unit))


def _expected(kind: Kind, node: dict[str, Any], unit: str) -> str:
    if kind is Kind.SWITCH:
        return "true or false"
    if kind is Kind.TEXT:
        low, high = node.get("minLength", 0), node.get("maxLength")
        return "text" if high is None else f"text of {low} to {high} characters"
    words = "a whole number" if kind is Kind.WHOLE else "a number"
    low, above = node.get("minimum"), node.get("exclusiveMinimum")
    high, below = node.get("maximum"), node.get("exclusiveMaximum")
    if low is not None and high is not None:
        words += f" from {plain_number(low)} to {plain_number(high)}"
    else:
        limits = [("at least", low), ("above", above), ("at most", high), ("below", below)]
        words += " " + " and ".join(f"{word} {plain_number(limit)}" for word, limit in limits if limit is not None)
    return f"{words.rstrip()} ({unit})" if unit else words.rstrip()


def plain_number(value: float) -> str:
    """`3600`, not `3600.0`."""
    return str(int(value)) if float(value).is_integer() else str(value)
