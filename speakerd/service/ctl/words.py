"""What is said on the control socket: one line of JSON in, one out. Pure.

{"command": "volume", "change": -10}
{"ok": true, "told": "The volume is 40 percent.", "volume_percent": 40}
{"ok": false, "error": "unknown_command", "told": "…"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MAX_LINE_BYTES = 8_192
"""Longest request, with its line feed."""
MAX_TEXT_CHARACTERS = 500
"""Longest text to be said: about half a minute."""


class Command(StrEnum):
    """What may be asked."""

    STATUS = "status"
    WAKE = "wake"
    STOP = "stop"
    MUTE = "mute"
    UNMUTE = "unmute"
    VOLUME = "volume"
    SAY = "say"
    RELOAD = "reload"


class UnclearError(Exception):
    """The line is no request; says what is wrong with it, in a sentence."""


@dataclass(frozen=True, slots=True)
class Request:
    """One command."""

    command: Command
    text: str = ""
    """Of `say`: 1 to MAX_TEXT_CHARACTERS, printable."""
    word: str = ""
    """Of `wake`: the wake word to answer to; empty for the first of the configuration."""
    percent: int | None = None
    """Of `volume`: 0 to 100. With neither it nor `change` the volume is only told."""
    change: int | None = None
    """Of `volume`: -100 to 100."""

    def encode(self) -> bytes:
        """As a line."""
        given = {"text": self.text or None, "word": self.word or None, "percent": self.percent, "change": self.change}
        return _line({"command": self.command} | {name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer."""

    told: str
    """For the human: one or more sentences, lines of them parted by line feeds."""
    error: str = ""
    """Machine-readable reason why it was not done; empty if it was."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """JSON values beside it."""

    @property
    def ok(self) -> bool:
        """It was done."""
        return not self.error

    def encode(self) -> bytes:
        """As a line."""
        error = {} if self.ok else {"error": self.error}
        return _line({"ok": self.ok, **error, "told": self.told, **self.data})


_FIELDS = {
    Command.WAKE: frozenset({"word"}),
    Command.VOLUME: frozenset({"percent", "change"}),
    Command.SAY: frozenset({"text"}),
}


def parse(line: bytes) -> Request:
    """The request in a line. Raises UnclearError."""
    try:
        content = json.loads(line.decode())
    except (ValueError, RecursionError):
        raise UnclearError("That is no JSON in one line.") from None
    if not isinstance(content, dict) or not isinstance(content.get("command"), str):
        raise UnclearError('Expected an object such as {"command": "status"}.')
    name = content.pop("command")
    if name not in list(Command):
        raise UnclearError(f"There is no command {name[:40]!r}; there are {', '.join(Command)}.")
    command = Command(name)
    for unknown in content.keys() - _FIELDS.get(command, frozenset()):
        raise UnclearError(f"{command} takes no {unknown[:40]!r}.")
    request = Request(
        command,
        text=spoken(_text(content, "text")),
        word=_text(content, "word")[:200],
        percent=_whole(content, "percent", 0),
        change=_whole(content, "change", -100),
    )
    if command is Command.SAY and not request.text:
        raise UnclearError("Expected a text to say.")
    if request.percent is not None and request.change is not None:
        raise UnclearError("Expected percent or change, not both.")
    return request


def spoken(text: str) -> str:
    """`text` as one line that may be said. Raises UnclearError if it is too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if len(line) > MAX_TEXT_CHARACTERS:
        raise UnclearError(f"The text has {len(line)} characters; {MAX_TEXT_CHARACTERS} can be said at once.")
    return line


def reply_of(line: bytes) -> Reply:
    """The answer in a line. Raises UnclearError."""
    try:
        content = json.loads(line.decode())
        told, error = content.pop("told"), content.pop("error", "")
        done = content.pop("ok")
    except (ValueError, RecursionError, KeyError, AttributeError, TypeError):
        raise UnclearError("The daemon's answer makes no sense.") from None
    return Reply(str(told), "" if done else str(error or "unknown"), content)


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name, "")
    if not isinstance(value, str):
        raise UnclearError(f"Expected a text as {name}.")
    return value


def _whole(content: dict[str, Any], name: str, least: int) -> int | None:
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 100:
        raise UnclearError(f"Expected a whole number from {least} to 100 as {name}.")
    return value


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"
