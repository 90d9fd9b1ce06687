"""YAML text to nodes that know their place. Pure.

A small, safe part of YAML 1.2: mappings with text as keys, lists, and scalars of the core schema
(so `off` is text and only `true` and `false` are switches). No anchors, aliases or tags. We read the
parser's events instead of its finished objects, with a stack of our own: nothing here can recurse
without end, grow without bound or run code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from speakerd.config.mistakes import Mistake, Place, shown

Value: TypeAlias = "bool | int | float | str | list[Node] | dict[str, Node] | None"

MAX_DEPTH = 8
"""Nested lists and mappings; the configuration itself needs four."""

MAX_NUMBER_CHARACTERS = 40
"""A longer number is infinite for us; Python would refuse or be slow to read it exactly."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

_PLAIN_PROBLEMS = (
    (
        "mapping values are not allowed",
        "a colon stands where none can: put text that holds `: ` in quotes, indent this line like those beside it, "
        "put a space after the colon in the line above",
    ),
    (
        "cannot start any token",
        "a tab, or a character that no value begins with: indent with spaces, put such text in quotes",
    ),
    ("expected alphabetic or numeric", "put text that begins with & or * in quotes"),
    ("expected <document start>", "this line is indented less than the first one, or goes on after the end"),
    ("expected ':'", "this line has no `key: value`, or the line before is not finished"),
    ("did not find expected key", "the indentation of this line fits none above it, or a quote ends too early"),
    ("expected <block end>", "the indentation of this line fits none above it"),
    ("did not find expected '-'", "this line should begin with `- ` like those above it"),
)

_NEVER_CLOSED = (
    ("unexpected end of stream", "a quote is opened here and never closed"),
    ("expected ',' or", "a bracket is opened here and never closed, or a comma is missing"),
)
"""Problems that are shown where they begin."""


@dataclass(slots=True)
class Node:
    """A value and where it stands."""

    value: Value
    place: Place
    """Of the key that the value belongs to; of the value itself in a list."""
    text: str = ""
    """A scalar as it was written, without its quotes."""
    quoted: bool = False
    """A scalar that is text by its quotes or as a block."""
    broken: bool = False
    """A mistake about it is already known: say no more."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    node: Node
    key: str | None = None
    key_place: Place | None = None
    """Set while a key waits for its value."""
    lines: dict[str, int] = field(default_factory=dict)


class _TooDeepError(Exception):
    """Stops the parser."""


def core_value(text: str) -> bool | int | float | str | None:
    """What an unquoted scalar means in the core schema of YAML 1.2."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        if len(text) > MAX_NUMBER_CHARACTERS:
            return float("-inf") if text.startswith("-") else float("inf")
        return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text) or text in (".nan", ".NaN", ".NAN"):
        return float(text.replace(".", ""))
    return text


def read_nodes(text: str, at: Callable[[int], Place]) -> tuple[Node | None, list[Mistake]]:
    """The nodes of the one document in `text`, None if there is none or it cannot be read, and the mistakes.

    `at(line)` tells the place of a line counted from 1. Never raises.
    """
    if control := _CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        wrong = f"character U+{ord(control.group()):04X} is no text: remove it"
        return None, [Mistake(at(line), "", f"found a control character, expected text ({wrong})")]
    builder = _Builder(at)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.YAMLError as error:
        return None, [*builder.mistakes, _syntax_mistake(error, at)]
    except _TooDeepError:
        return None, builder.mistakes
    except (ValueError, OverflowError):  # PyYAML's own parser lets some through, e.g. from `"\U00110000"`
        return None, [*builder.mistakes, Mistake(at(0), "", "found text that is not YAML, expected `key: value` lines")]
    return builder.root, builder.mistakes


def _syntax_mistake(error: yaml.YAMLError, at: Callable[[int], Place]) -> Mistake:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or "cannot be read")
    plain = next((words for part, words in _PLAIN_PROBLEMS if part in problem), problem)
    for part, words in _NEVER_CLOSED:
        if part in problem:
            mark, plain = getattr(error, "context_mark", None) or mark, words
    return Mistake(
        at(mark.line + 1 if mark else 0), "", f"found text that is not YAML, expected `key: value` ({plain})"
    )


class _Builder:
    """Takes the parser's events one after the other."""

    def __init__(self, at: Callable[[int], Place]) -> None:
        self._at = at
        self._open: list[_Open] = []
        self._documents = 0
        self.root: Node | None = None
        self.mistakes: list[Mistake] = []

    def take(self, event: yaml.Event) -> None:
        """One event."""
        line = event.start_mark.line + 1 if event.start_mark else 0
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents == 2:
                    self._blame(line, "found a second document, expected one (remove this `---`)")
            case yaml.AliasEvent():
                self._blame(line, f"found the alias {shown(f'*{event.anchor}')}, expected a value ({_ALIAS_HINT})")
                self._add(Node(None, self._at(line), broken=True))
            case yaml.ScalarEvent():
                node = self._node(event, line, None)
                node.text, node.quoted = event.value, bool(event.style)
                node.value = event.value if node.quoted else core_value(event.value)
                if "\0" in event.value:  # names of files and devices end there, or raise
                    self._blame(line, "found the character U+0000, expected text")
                    node.broken = True
                self._add(node)
            case yaml.SequenceStartEvent():
                self._begin(self._node(event, line, []), line)
            case yaml.MappingStartEvent():
                self._begin(self._node(event, line, {}), line)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._add(self._open.pop().node)

    def _node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int, value: Value) -> Node:
        """An empty node for `event`, which must have neither anchor nor tag."""
        node = Node(value, self._at(line))
        if event.anchor is not None:
            self._blame(line, f"found the anchor {shown(f'&{event.anchor}')}, expected a value ({_ALIAS_HINT})")
            node.broken = True
        if event.tag is not None:
            self._blame(
                line, f"found the tag {shown(event.tag)}, expected a value (put text that begins with ! in quotes)"
            )
            node.broken = True
        return node

    def _begin(self, node: Node, line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._blame(line, f"found more than {MAX_DEPTH} levels inside each other, expected at most 4")
            raise _TooDeepError
        self._open.append(_Open(node))

    def _add(self, node: Node) -> None:
        """`node` is complete: hand it to what it stands in."""
        if not self._open:
            if self._documents == 1:
                self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif parent.key_place is None:
            self._take_key(parent, node)
        else:
            self._take_value(parent, node)

    def _take_key(self, parent: _Open, node: Node) -> None:
        parent.key_place = node.place
        parent.key = None
        if node.broken:
            return
        if isinstance(node.value, (list, dict)):
            self._blame(node.place.line, "found a list or a section as a key, expected a name")
            return
        if node.text in parent.lines:
            first = parent.lines[node.text]
            where = f" (the first is in line {first}; keep one of them)" if first else ""
            self._blame(node.place.line, f"found the key a second time, expected it once{where}", node.text)
            return
        parent.lines[node.text] = node.place.line
        parent.key = node.text

    def _take_value(self, parent: _Open, node: Node) -> None:
        assert isinstance(parent.node.value, dict)
        if parent.key is not None and parent.key_place is not None:
            node.place = parent.key_place
            parent.node.value[parent.key] = node
        parent.key, parent.key_place = None, None

    def _blame(self, line: int, text: str, key: str | None = None) -> None:
        """Note a mistake about `key`, or about the key whose value is being read."""
        path = [part.key for part in self._open if part.key is not None]
        if key is not None:
            path.append(key)
        self.mistakes.append(Mistake(self._at(line), ".".join(path), text))


_ALIAS_HINT = "write the value out; put text that begins with & or * in quotes"
