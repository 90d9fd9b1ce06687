"""Remembers over restarts the volume that was asked for, where no mixer does: of our own samples."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from speakerd.hw.mixer import Volume
from speakerd.service.mutefile import mute_file

_LOG = logging.getLogger(__name__)


def volume_file(environ: Mapping[str, str]) -> Path:
    """Beside the one that remembers the mute."""
    return mute_file(environ).with_name("volume")


class KeptVolume:
    """`Volume` that outlives the daemon. What was said last counts: the configuration, or a command. Thread-safe."""

    def __init__(self, own: Volume, path: Path, configured_percent: int) -> None:
        """`own` stands at what the configuration says."""
        self._own = own
        self._path = path
        self._configured_percent = configured_percent
        self.volume_percent = own.volume_percent
        self.is_muted = own.is_muted
        self.set_muted = own.set_muted

    def recall(self) -> None:
        """Back to what was asked for before the restart, unless the configuration was changed since."""
        with contextlib.suppress(OSError, ValueError):
            kept = re.fullmatch(r"(\d{1,3}) after (\d{1,3})\n", self._path.read_text())
            if kept is not None and int(kept[2]) == self._configured_percent:
                self._own.set_volume_percent(min(100, int(kept[1])))

    def set_volume_percent(self, percent: int) -> None:
        """0 to 100, over restarts too; touches the disk."""
        self._own.set_volume_percent(percent)
        half = self._path.with_suffix(".half")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            half.write_text(f"{percent} after {self._configured_percent}\n")
            half.replace(self._path)
        except OSError as error:
            _LOG.debug("A restart will not remember the volume: %s", error)

    def configure(self, percent: int) -> None:
        """The configuration says this from now on, and what was asked for before is forgotten."""
        self._configured_percent = percent
        self._own.set_volume_percent(percent)
        with contextlib.suppress(OSError):
            self._path.unlink()
