"""How everything stands, in one line for `systemctl status` and as data for `speakerd ctl`. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from speakerd.conversation.state import State
from speakerd.service.sentences import STATUS, nothing_passes


@dataclass(slots=True)
class Standing:
    """The reporter changes it, others read it."""

    state: State = State.IDLE
    ready: bool = False
    """Sound has moved."""
    muted: bool = False
    devices: dict[str, str] = field(default_factory=dict)
    """What is wrong with `microphone` and `loudspeaker`; those that work are left out."""
    stalled: list[str] = field(default_factory=list)
    """Those that no sound passes, and it is not known why: `microphone`, `loudspeaker`."""
    away: str = ""
    """Why the embedded server answers in the place of the service."""
    service: str = ""
    """What is wrong with the service, or with the purse."""
    half_duplex: str = ""
    """Why only the wake word interrupts; empty if speech does, too."""
    note: str = ""
    """What is of interest for a while."""
    end: str = ""
    """That it stops, or has stopped: systemd goes on showing the last status of a service that is down."""

    @property
    def status(self) -> str:
        """What goes on, in a few words."""
        if self.end:
            return self.end
        if not self.ready:
            return "Starting, the microphone muted" if self.muted else "Starting"
        return "Microphone muted" if self.muted and self.state is State.IDLE else STATUS[self.state]

    @property
    def troubles(self) -> list[str]:
        """What is wrong with the service, each in a few words."""
        return [told for told in (self.away, self.service) if told]

    def line(self) -> str:
        """All of it, in one line."""
        if self.end:
            return self.end
        devices = [f"{name}: {trouble}" for name, trouble in self.devices.items()]
        stalled = [nothing_passes(self.stalled).rstrip(".")] if self.stalled else []
        half = [f"only the wake word interrupts: {self.half_duplex}"] if self.half_duplex else []
        return "; ".join([self.status, *self.troubles, *devices, *stalled, *half, *([self.note] if self.note else [])])

    def data(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        return {
            "state": str(self.state),
            "status": self.status,
            "ready": self.ready,
            "muted": self.muted,
            "devices": dict(self.devices),
            "stalled": list(self.stalled),
            "service": self.troubles,
            "half_duplex": self.half_duplex,
            "note": self.note,
        }
