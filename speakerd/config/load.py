"""Brings the configuration in: one YAML file, laid over by the environment. Reads files."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from speakerd.config.environment import overlay
from speakerd.config.files import file_mistakes
from speakerd.config.keys import Kind, known_keys, known_path
from speakerd.config.mistakes import Mistake, Place
from speakerd.config.model import Config
from speakerd.config.references import reference_mistakes
from speakerd.config.translate import found, translate
from speakerd.config.yaml_nodes import Node, read_nodes
from speakerd.errors import ConfigError

MAX_FILE_BYTES = 256 * 1024

MAX_MISTAKES_SHOWN = 200


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration of `path` (None: all defaults) and the environment, which wins.

    Raises ConfigError with all mistakes, one a line: `FILE:LINE: KEY: found …, expected … (hint)`.
    """
    reading = read(path, environ)
    if reading.config is None:
        raise ConfigError("\n".join(reading.lines()))
    return reading.config


@dataclass(frozen=True, slots=True)
class Reading:
    """A configuration, or what is wrong with it."""

    config: Config | None
    mistakes: tuple[Mistake, ...] = ()
    """In the order of the file, then of the environment. None if and only if there is a config."""

    def lines(self) -> list[str]:
        """The mistakes for the human."""
        lines = [str(mistake) for mistake in self.mistakes[:MAX_MISTAKES_SHOWN]]
        if len(self.mistakes) > MAX_MISTAKES_SHOWN:
            lines.append(f"… and {len(self.mistakes) - MAX_MISTAKES_SHOWN} more mistakes")
        return lines


def read(path: Path | None, environ: Mapping[str, str]) -> Reading:
    """As `load`, but tells the mistakes instead of raising them."""
    file = Place(in_environment=False, source=str(path) if path is not None else "defaults")
    root = Node({}, file)
    mistakes: list[Mistake] = []
    if path is not None:
        root, mistakes = _read_file(path, file)
    mistakes += overlay(root, environ)
    config: Config | None = None
    try:
        config = Config.model_validate(_plain(root))
    except ValidationError as errors:
        told = errors.errors(include_url=False, include_input=False)
        mistakes += [mistake for error in told if (mistake := translate(error, root)) is not None]
    mistakes += file_mistakes(root)
    mistakes += reference_mistakes(root)
    return Reading(None, tuple(sorted(set(mistakes)))) if mistakes else Reading(config)


def _read_file(path: Path, file: Place) -> tuple[Node, list[Mistake]]:
    """The file's nodes, always a mapping (empty when the file cannot be used), and its mistakes."""
    empty = Node({}, file)
    try:
        text = _decode(_read_bytes(path))
    except _UnusableError as error:
        return empty, [Mistake(Place(file.in_environment, file.source, error.line), "", str(error))]
    root, mistakes = read_nodes(text, lambda line: Place(file.in_environment, file.source, line))
    if root is None or root.value is None or root.broken:
        return empty, mistakes
    if not isinstance(root.value, dict):
        mistakes.append(Mistake(root.place, "", f"found {found(root)}, expected sections such as `audio:`"))
        return empty, mistakes
    root.place = file
    return root, mistakes


_HINTS: Mapping[type[OSError], str] = {
    FileNotFoundError: "is its name right?",
    PermissionError: "use sudo, or let this user read it",
}


class _UnusableError(Exception):
    """The file cannot be read as text."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


def _read_bytes(path: Path) -> bytes:
    """The whole of a regular file. Never waits, whatever `path` is."""
    try:
        _must_be_regular(path.stat().st_mode)  # before opening: to open a device may already do something
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            _must_be_regular(os.fstat(descriptor).st_mode)
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        if hint := _HINTS.get(type(error)):
            reason += f": {hint}"
        raise _UnusableError(f"found no readable file, expected one ({reason})") from error
    except ValueError as error:  # a NUL byte in the name
        raise _UnusableError("found an impossible file name, expected one that exists") from error
    if len(data or b"") > MAX_FILE_BYTES:
        raise _UnusableError(f"found a larger file, expected at most {MAX_FILE_BYTES // 1024} KiB")
    return data or b""


def _must_be_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise _UnusableError("found a folder, expected a file")
    if not stat.S_ISREG(mode):
        raise _UnusableError("found a device or pipe, expected a regular file")


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"found the byte 0x{data[error.start]:02X}, expected UTF-8 text (save the file as UTF-8)"
        raise _UnusableError(message, line) from error


def _plain(node: Node, path: tuple[str | int, ...] = ()) -> object:
    """Plain values for pydantic; a section without a value is an empty one."""
    match node.value:
        case dict():
            return {name: _plain(child, (*path, name)) for name, child in node.value.items()}
        case list():
            return tuple(_plain(child, (*path, index)) for index, child in enumerate(node.value))
        case None:
            key = known_keys().get(known_path(path))
            return {} if key is not None and key.kind is Kind.SECTION and "*" not in key.path else None
        case _:
            return node.value
