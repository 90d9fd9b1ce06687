"""What built-in skills need of the rest of the daemon. Whoever has such methods fits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


class VolumePort(Protocol):
    """The loudspeaker's volume. Thread-safe; may block, and may raise DeviceError."""

    def volume_percent(self) -> int:
        """0 to 100."""

    def set_volume_percent(self, percent: int) -> None:
        """0 to 100."""

    def is_muted(self) -> bool:
        """True while the loudspeaker is silent whatever its volume."""

    def set_muted(self, muted: bool) -> None:
        """Silence the loudspeaker, or let it sound again."""


class EndPort(Protocol):
    """The conversation."""

    def __call__(self) -> None:
        """End it when what the assistant is saying has been heard. Called in the loop."""


class ClockPort(Protocol):
    """The clock on the wall."""

    def __call__(self) -> datetime:
        """Now, with the offset from UTC."""


class PursePort(Protocol):
    """What it costs. Thread-safe; may read files."""

    def costs(self) -> Mapping[str, Any]:
        """What today and this month have cost, as JSON for the model."""

    def sent_today(self) -> Mapping[str, Any]:
        """What went over the wire today, as JSON for the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the built-in skills work on; a skill whose port is None is not offered."""

    clock: ClockPort | None = None
    end: EndPort | None = None
    volume: VolumePort | None = None
    purse: PursePort | None = None
