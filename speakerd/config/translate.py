"""What pydantic found wrong, in plain words and with its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from speakerd.config.keys import ENTRY, Key, KeyPath, Kind, children, dotted, known_keys, known_path
from speakerd.config.mistakes import KEY_BELONGS_ELSEWHERE, Mistake, listed, looks_like_a_secret, nearest, shown
from speakerd.config.yaml_nodes import Node, core_value

_NUMBER_WITH_UNIT = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?\s*([A-Za-zµ%]+)")
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+")
_ENTRY_HINTS = dict.fromkeys([("wake", "words"), ("wake", "words", ENTRY)], "write it as `- model: hey_jarvis`")
_EXAMPLES = {
    ("wake", "words", ENTRY, "model"): "model: hey_jarvis",
    ("wake", "personas", ENTRY, "name"): "name: chef",
    ("skills", "mcp", ENTRY, "label"): "label: home",
    ("skills", "mcp", ENTRY, "url"): "url: https://HOST/…",
}
"""Of the keys that must be there."""


def translate(error: Mapping[str, Any], root: Node) -> Mistake | None:
    """The mistake that one entry of `ValidationError.errors()` tells; None if it is known already."""
    loc: tuple[str | int, ...] = error["loc"]
    node, missing = _node_at(root, loc)
    if node.broken:
        return None
    if error["type"] == "too_short" and isinstance(node.value, list) and node.value:
        return None  # pydantic counts only the entries that are right; the others are blamed themselves
    if error["type"] == "extra_forbidden":
        return Mistake(node.place, dotted(loc), _unknown_key(known_path(loc[:-1]), str(loc[-1])))
    key = known_keys()[known_path(loc)]
    if missing:
        hint = f" (write it, for example `{_EXAMPLES[key.path]}`)" if key.path in _EXAMPLES else ""
        return Mistake(node.place, dotted(loc), f"found nothing: it is missing, expected {key.expected}{hint}")
    expected = str(error["ctx"]["error"]) if error["type"] == "value_error" else key.expected
    hint = _hint(key, node)
    return Mistake(node.place, dotted(loc), f"found {found(node)}, expected {expected}{f' ({hint})' if hint else ''}")


def found(node: Node) -> str:
    """What stands there, short enough for a message."""
    match node.value:
        case None:
            return "nothing"
        case list() as entries:
            return {0: "an empty list", 1: "a list of one entry"}.get(len(entries), f"a list of {len(entries)} entries")
        case dict():
            return "a section"
        case str():
            return f"the text {shown(node.text)}"
        case _:
            return shown(node.text)[1:-1]


def _node_at(root: Node, loc: tuple[str | int, ...]) -> tuple[Node, bool]:
    """The node at `loc`, or the last one on the way to it; True if the way ended early."""
    node = root
    for part in loc:
        match node.value:
            case dict() as mapping if isinstance(part, str) and part in mapping:
                node = mapping[part]
            case list() as entries if isinstance(part, int) and part < len(entries):
                node = entries[part]
            case _:
                return node, True
        if node.broken:
            return node, False
    return node, False


def _unknown_key(section: KeyPath, name: str) -> str:
    if looks_like_a_secret(name):
        return f"found a key that does not exist, expected none ({KEY_BELONGS_ELSEWHERE})"
    names = children(section)
    elsewhere = [path[:-1] for path in known_keys() if path and path[-1] == name and path[:-1] != section]
    if elsewhere:
        hint = f"it belongs in {listed(_section_name(path) for path in elsewhere)}"
    elif name.partition(":")[0] in names:
        hint = "put a space after the colon"
    elif meant := nearest(name, names):
        hint = f"did you mean {meant}?"
    elif path := _nearest_elsewhere(name):
        hint = f"did you mean {path[-1]}, which belongs in {_section_name(path[:-1])}?"
    else:
        hint = ""
    return f"found a key that does not exist, expected {listed(names)}{f' ({hint})' if hint else ''}"


def _nearest_elsewhere(name: str) -> KeyPath | None:
    meant = nearest(name, {path[-1] for path in known_keys() if path and path[-1] != ENTRY})
    return next((path for path in known_keys() if path and path[-1] == meant), None)


def _section_name(path: KeyPath) -> str:
    if not path:
        return "the file itself, not in a section"
    if path[-1] == ENTRY:
        return f"an entry of {dotted(path[:-1])}"
    return f"section {dotted(path)}"


def _hint(key: Key, node: Node) -> str:
    """One sentence that helps, for the slips that people make."""
    if key.path in _ENTRY_HINTS and isinstance(node.value, str):
        return _ENTRY_HINTS[key.path]
    if key.kind is Kind.LIST and isinstance(node.value, str) and known_keys()[*key.path, ENTRY].kind is Kind.TEXT:
        return f"write it as a list: `[{shown(node.text)[1:-1]}]`"
    if key.path in _EXAMPLES and not node.value:
        return f"for example `{_EXAMPLES[key.path]}`"
    match node.value:
        case None:
            return "leave the key out to have its default" if key.default is not None else ""
        case list():
            return "leave out the `- ` before its keys" if key.kind is Kind.SECTION and node.value else ""
        case dict():
            return "begin each entry with `- `" if key.kind is Kind.LIST else ""
        case str() if key.kind is Kind.SECTION and re.search("[:=]", node.text):
            return "write each key in a line of its own, as `key: value` with a space after the colon"
    word = str(node.value).lower()
    match key.kind:
        case Kind.CHOICE:
            if isinstance(node.value, bool) and "off" in key.choices and not node.value:
                return "did you mean off?"
            meant = nearest(word, key.choices)
            return f"did you mean {meant}?" if meant else ""
        case Kind.SWITCH if word in ("on", "yes", "y", "off", "no", "n", "true", "false"):
            return f"write {'true' if word in ('on', 'yes', 'y', 'true') else 'false'}, without quotes"
        case Kind.WHOLE | Kind.NUMBER if isinstance(node.value, str):
            return _number_hint(key, node.text.strip())
        case Kind.TEXT if not isinstance(node.value, str):
            return "put it in quotes to make it text"
        case _:
            return ""


def _number_hint(key: Key, text: str) -> str:
    if isinstance(core_value(text), (int, float)):
        return "write the number without quotes"
    if _DECIMAL_COMMA.fullmatch(text):
        return "write a point instead of the comma"
    if _NUMBER_WITH_UNIT.fullmatch(text):
        return f"write the number alone; it is understood as {key.unit}" if key.unit else "write the number alone"
    return ""
