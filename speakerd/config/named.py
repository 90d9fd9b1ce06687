"""Files that settings name, as they stand on the disk: so a reload sees that one changed under the same name."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from speakerd.config.model import Config

State: TypeAlias = frozenset[tuple[str, int, int, int]]
"""Of each file: path, inode, size in bytes, time of the last change in ns. One that is not there is left out."""


def states(config: Config) -> dict[str, State]:
    """Key, dotted → the state of the files that it names. Looks at the disk, opens no file. Never raises."""
    return {key: frozenset(filter(None, map(_state, paths))) for key, paths in _named(config).items()}


def changed_files(before: Mapping[str, State], after: Mapping[str, State]) -> list[str]:
    """Keys whose files differ."""
    return [key for key, state in after.items() if state != before.get(key, frozenset())]


def _named(config: Config) -> dict[str, list[Path]]:
    """What is no path (`default`, `hey_jarvis`) is no file either."""
    return {
        **{f"sounds.{name}": [Path(value)] for name, value in config.sounds if isinstance(value, str)},
        "wake.words": [Path(word.model) for word in config.wake.words],
        "purse.prices": [Path(config.purse.prices)],
        "skills.folder": list(_python_files(config.skills.folder)) if config.skills.folder else [],
    }


def _python_files(folder: str) -> Iterator[Path]:
    try:
        yield from Path(folder).glob("*.py")
    except (OSError, ValueError):  # told where it is loaded
        return


def _state(path: Path) -> tuple[str, int, int, int] | None:
    try:
        of = path.expanduser().stat()
    except (OSError, ValueError, RuntimeError):
        return None
    if not stat.S_ISREG(of.st_mode):
        return None
    return str(path), of.st_ino, of.st_size, of.st_mtime_ns
