"""Changes single values in the text of a configuration file; comments, order and all other lines stay. Pure."""

from __future__ import annotations

import json
import re
from typing import TypeAlias

from speakerd.config.mistakes import Place
from speakerd.config.yaml_nodes import Node, core_value, read_nodes
from speakerd.errors import ConfigError

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

_PLAIN_TEXT = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@+=,-]*(:[A-Za-z0-9_./@+=,-]+)*")
"""Text that means itself without quotes, outside of braces."""


_QUOTED = "\"[^\"]*\"|'[^']*'"


def with_text(text: str, section: str, key: str, value: str) -> str:
    """`text` in which `section.key`, a scalar, is the text `value`; the same text if it is so already.

    Raises ConfigError if the file is written in a way that such a change would spoil: then a human must make it.
    """
    before = _plain(text)
    if not isinstance(before, dict) or not isinstance(before.get(section, {}) or {}, dict):
        raise _too_hard(section, key, value)
    wanted: dict[str, Plain] = dict(before)
    inside = before.get(section) or {}
    assert isinstance(inside, dict)
    if inside.get(key) == value:
        return text
    wanted[section] = {**inside, key: value}
    changed = _change(text, section, key, value)
    if _plain(changed) != wanted:
        raise _too_hard(section, key, value)
    return changed


def _change(text: str, section: str, key: str, value: str) -> str:
    lines = text.split("\n")
    start = next((n for n, line in enumerate(lines) if re.match(rf"{section}\s*:(\s|$)", line)), None)
    if start is None:
        return f"{text}{'' if lines[-1] == '' else chr(10)}{section}:\n  {key}: {_written(value)}\n"
    if "{" in lines[start].partition("#")[0]:
        lines[start] = _in_braces(lines[start], key, value)
        return "\n".join(lines)
    end = next((n for n in range(start + 1, len(lines)) if re.match(r"[^\s#]", lines[n])), len(lines))
    for n in range(start + 1, end):
        if found := re.fullmatch(rf"(\s+{key}\s*:)(?:\s+(?:{_QUOTED}|.*?))?(?P<comment>\s+#.*)?\s*", lines[n]):
            lines[n] = f"{found[1]} {_written(value)}{found['comment'] or ''}"
            break
    else:
        indents = (re.match(r"\s+(?=[^\s#])", line) for line in lines[start + 1 : end])
        indent = next((found.group() for found in indents if found), "  ")
        lines.insert(start + 1, f"{indent}{key}: {_written(value)}")
    return "\n".join(lines)


def _in_braces(line: str, key: str, value: str) -> str:
    quoted = json.dumps(value)
    changed, count = re.subn(rf"([{{,]\s*{key}\s*:\s*)({_QUOTED}|[^,}}]*)", lambda m: m[1] + quoted, line, count=1)
    return changed if count else re.sub(r"\{\s*(\}?)", lambda m: f"{{{key}: {quoted}" + (m[1] or ", "), line, count=1)


def _written(value: str) -> str:
    return value if _PLAIN_TEXT.fullmatch(value) and core_value(value) == value else json.dumps(value)


def _plain(text: str) -> Plain:
    """What the file says; None for what is no YAML of ours."""
    root, mistakes = read_nodes(text, lambda line: Place(in_environment=False, source="", line=line))
    if mistakes:
        return None
    return {} if root is None or root.value is None else _of(root)


def _of(node: Node) -> Plain:
    match node.value:
        case dict():
            return {name: _of(child) for name, child in node.value.items()}
        case list():
            return [_of(child) for child in node.value]
        case other:
            return other


def _too_hard(section: str, key: str, value: str) -> ConfigError:
    return ConfigError(
        f"cannot set {section}.{key} in a file that is written like this one",
        hint=f"write it there yourself: {section}: {{{key}: {json.dumps(value)}}}",
    )
