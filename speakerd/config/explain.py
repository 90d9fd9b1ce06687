"""Writes `config/speakerd.yaml` and `docs/configuration.md` from the models: `python -m speakerd.config.explain`."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speakerd.config.keys import ENTRY, Key, KeyPath, Kind, children, dotted, known_keys, plain_number
from speakerd.config.yaml_nodes import core_value

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder: this module is for its checkout, not for an installed copy."""

PAGE = ROOT / "docs" / "configuration.in.md"
"""The words above the tables."""

WIDTH = 100

_PLAIN_TEXT = re.compile(r"[A-Za-z/][\w./:-]*[\w/]")
_FOLD_FROM_CHARACTERS = 70

_YAML_HEAD = """\
# Settings of speakerd. Every key stands here with its default; any may be left out.
# Check this file after a change:  speakerd check --config FILE
# Made from speakerd/config/model/ by `python -m speakerd.config.explain`; docs/configuration.md says more.
# The API key does not belong here: store it as systemd credential openai-api-key, or in OPENAI_API_KEY.
"""


def documents() -> dict[str, str]:
    """The text of each generated file, by its path below the project's root."""
    return {"config/speakerd.yaml": yaml_text(), "docs/configuration.md": page_text()}


def yaml_text() -> str:
    """The commented configuration file with all defaults."""
    return _YAML_HEAD + "\n".join(_yaml_lines((), "")) + "\n"


def page_text() -> str:
    """The page for people, in Markdown."""
    return PAGE.read_text(encoding="utf-8").rstrip() + "\n" + "".join(_tables())


def _yaml_lines(path: KeyPath, indent: str) -> Iterator[str]:
    for number, name in enumerate(children(path)):
        key = known_keys()[(*path, name)]
        if number > 0 or not path:
            yield ""
        yield from _comment(indent, key.doc)
        if key.kind is Kind.SECTION:
            yield f"{indent}{name}:"
            yield from _yaml_lines(key.path, indent + "  ")
            continue
        yield from _comment(indent, _allowed(key))
        if key.kind is Kind.LIST:
            yield from _yaml_list(key, indent)
        else:
            yield from _yaml_scalar(name, key.default, indent)


def _yaml_list(key: Key, indent: str) -> Iterator[str]:
    inner = (*key.path, ENTRY)
    entries = [known_keys()[(*inner, name)] for name in children(inner)]
    comments = [f"{entry.path[-1]}: {entry.doc} {_allowed(entry)}" for entry in entries]
    if not key.default:
        for comment in comments:
            yield from _comment(indent, comment)
        yield f"{indent}{key.path[-1]}: []"
        return
    yield f"{indent}{key.path[-1]}:"
    for comment in comments:
        yield from _comment(f"{indent}  ", comment)
    for values in key.default:
        marker = "- "
        for name, value in values.items():
            yield f"{indent}  {marker}{name}: {_scalar(value)}"
            marker = "  "


def _yaml_scalar(name: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, str) and len(value) > _FOLD_FROM_CHARACTERS:
        yield f"{indent}{name}: >-"
        yield from textwrap.wrap(value, WIDTH, initial_indent=indent + "  ", subsequent_indent=indent + "  ")
    else:
        yield f"{indent}{name}: {_scalar(value)}"


def _scalar(value: Any) -> str:  # noqa: ANN401 - whatever a default is
    if isinstance(value, str):
        is_plain = _PLAIN_TEXT.fullmatch(value) and isinstance(core_value(value), str)
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    return plain_number(value)


def _comment(indent: str, text: str) -> list[str]:
    """`text` as comment lines. Never breaks inside a word: paths and names stay whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _allowed(key: Key) -> str:
    """Two sentences, such as: A whole number from 0 to 5000 (ms). Default: 300."""
    expected = f"One of {key.expected}" if key.kind is Kind.CHOICE else key.expected[0].upper() + key.expected[1:]
    return f"{expected}. Default: {_default(key, 'as below')}."


def _default(key: Key, elsewhere: str) -> str:
    """The default in words; `elsewhere` for one that is too long."""
    if key.default is None:
        return "none, it must be given"
    if key.kind is Kind.LIST and not key.default:
        return "an empty list"
    if key.kind is Kind.LIST or (isinstance(key.default, str) and len(key.default) > _FOLD_FROM_CHARACTERS):
        return elsewhere
    return _scalar(key.default)


def _tables() -> Iterator[str]:
    for path, key in known_keys().items():
        if key.kind is not Kind.SECTION or not path:
            continue
        title = f"{dotted(path[:-1])}, each entry" if path[-1] == ENTRY else dotted(path)
        yield f"\n{'#' * (2 if len(path) == 1 else 3)} {title}\n\n{key.doc}\n\n"
        yield "| key | may be | default | what it does |\n|---|---|---|---|\n"
        for name in children(path):
            child = known_keys()[(*path, name)]
            if child.kind is not Kind.SECTION:
                cells = (f"`{name}`", child.expected, _default(child, "as in config/speakerd.yaml"), child.doc)
                yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


if __name__ == "__main__":
    for name, text in documents().items():
        (ROOT / name).write_text(text, encoding="utf-8")
