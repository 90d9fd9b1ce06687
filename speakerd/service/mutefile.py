"""Remembers over restarts that the microphone is muted: by a file that is there or not, so no write can tear it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def mute_file(environ: Mapping[str, str]) -> Path:
    """Below systemd's `STATE_DIRECTORY`, else in the user's own state folder."""
    state = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if state:
        return Path(state) / "muted"
    home = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME") or "/") / ".local" / "state")
    return Path(home) / "speakerd" / "muted"


class MuteFile:
    """Its owner asks once, at the start, and tells each change. Touches the disk: a few ms, more on a slow card."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self) -> bool:
        """Whether it was muted. Where that cannot be found out it is: the other mistake would be heard by others."""
        try:
            self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True

    def keep(self, *, muted: bool) -> str:
        """Remember it; why that cannot be, empty if it can."""
        try:
            if muted:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._path.touch(0o600)
            else:
                self._path.unlink(missing_ok=True)
            _settle(self._path.parent)
        except FileNotFoundError:  # no folder, so nothing to forget
            return ""
        except OSError as error:
            return error.strerror or type(error).__name__
        return ""


def _settle(folder: Path) -> None:
    """A power failure from now on does not undo it. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
