"""Who holds a card: the kernel knows the thread that opened each substream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PROC = Path("/proc")
_OWNER = re.compile(r"^owner_pid\s*:\s*(\d+)", re.MULTILINE)
_CARD = re.compile(r"(?:plug|sysdefault:|front:|dmix:|dsnoop:)?(?:hw:)?(?:CARD=)?(?P<card>[A-Za-z0-9_]+)(?:,.*)?")
_SOUND_SERVERS = frozenset({"pipewire", "pipewire-pulse", "wireplumber", "pulseaudio", "jackd", "jackdbus"})


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a card open."""

    pid: int
    program: str
    """Its name; empty where it may not be read, as in the service's sandbox."""

    def __str__(self) -> str:
        return f"{self.program} (process {self.pid})" if self.program else f"process {self.pid}"

    @property
    def remedy(self) -> str:
        """How to get the card from it."""
        if self.program == "speakerd":
            return "speakerd runs already: sudo systemctl stop speakerd"
        if self.program in _SOUND_SERVERS:
            units = "pulseaudio.socket pulseaudio" if self.program == "pulseaudio" else "pipewire.socket wireplumber"
            return f"as the user of the desktop: systemctl --user mask --now {units}"
        return f"stop it: sudo kill {self.pid}, or use a name that shares the card, such as `default`"


def holder(device: str, direction: Literal["capture", "playback"], proc: Path = PROC) -> Holder | None:
    """Who has the card behind `device` open in that direction; of a name without a card, such as `default`, any card.

    None if nobody has, or it cannot be told. Never raises.
    """
    asound, side = proc / "asound", direction[0]
    card = _card(device, asound)
    for status in sorted(asound.glob(f"{card}/pcm*{side}/sub*/status")):
        try:
            owner = _OWNER.search(status.read_text(errors="replace"))
        except OSError:
            continue
        if owner is not None:
            return _named(int(owner[1]), proc)
    return None


def _card(device: str, asound: Path) -> str:
    """The folder of its card, or a pattern for all."""
    match = _CARD.fullmatch(device)
    name = match["card"] if match else ""
    if name.isdigit():
        return f"card{name}"
    for folder in asound.glob("card*"):
        try:
            if name and (folder / "id").read_text(errors="replace").strip() == name:
                return folder.name
        except OSError:
            continue
    return "card*"


def _named(thread: int, proc: Path) -> Holder:
    """The process of a thread: the kernel notes the thread that opened the card, whose name may be any."""
    pid = thread
    try:
        group = re.search(r"^Tgid:\s*(\d+)", (proc / str(thread) / "status").read_text(errors="replace"), re.MULTILINE)
        pid = int(group[1]) if group else thread
        return Holder(pid, (proc / str(pid) / "comm").read_text(errors="replace").strip())
    except OSError:
        return Holder(pid, "")
