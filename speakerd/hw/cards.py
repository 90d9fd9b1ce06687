"""What sound devices this machine has: names from ALSA's configuration and from the kernel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speakerd.errors import DeviceError
from speakerd.hw.alsa import Granted, pcm_names, probe

Direction = Literal["capture", "playback"]

PROC_ASOUND = Path("/proc/asound")

_NOT_DEVICES = frozenset({"null", "lavrate", "samplerate", "speexrate", "speex", "jack", "oss", "upmix", "vdownmix"})
"""Names that ALSA lists beside the devices: converters and bridges that lead nowhere by themselves."""

_KERNEL_PCM = re.compile(r"^(?P<card>\d+)-(?P<device>\d+): (?P<id>[^:]*) : (?P<name>[^:]*) ?(?P<streams>(?: : .*)?)$")


@dataclass(frozen=True, slots=True)
class Device:
    """One PCM in one direction."""

    name: str
    """As ALSA and our configuration know it."""
    title: str = ""
    """What the kernel calls the hardware; empty if it is not hardware."""
    rates_hz: tuple[int, ...] = ()
    """Rates it can do; with `rates_are_range`, the lowest and the highest of a continuous range."""
    rates_are_range: bool = False
    channels: tuple[int, ...] = ()
    formats: tuple[str, ...] = ()
    granted: Granted | None = None
    """What it gives to the daemon with default settings."""
    error: str = ""
    """Why it does not open; then all above but the name is empty."""


def hardware(proc: Path = PROC_ASOUND) -> list[tuple[Direction, str, str]]:
    """The kernel's PCMs: direction, name that stays the same over reboots (`hw:CARD=…`), and title."""
    found: list[tuple[Direction, str, str]] = []
    try:
        lines = (proc / "pcm").read_text(errors="replace").splitlines()
    except OSError:  # no sound in this kernel at all
        return found
    for line in lines:
        if (match := _KERNEL_PCM.match(line)) is None:
            continue
        card, device = int(match["card"]), int(match["device"])
        try:
            card_id = (proc / f"card{card}" / "id").read_text(errors="replace").strip()
        except OSError:
            card_id = str(card)
        directions: tuple[Direction, ...] = ("capture", "playback")
        found += [
            (direction, f"hw:CARD={card_id},DEV={device}", match["name"].strip())
            for direction in directions
            if direction in match["streams"]
        ]
    return found


def devices(direction: Direction, proc: Path = PROC_ASOUND) -> list[Device]:
    """Every PCM of `direction`, `default` first, then hardware, each opened to see what it can do."""
    titles = {name: title for where, name, title in hardware(proc) if where == direction}
    names = dict.fromkeys(["default", *titles, *pcm_names(direction)])
    return [_examine(direction, name, titles.get(name, "")) for name in names if name not in _NOT_DEVICES]


def _examine(direction: Direction, name: str, title: str) -> Device:
    try:
        abilities = probe(direction, name)
    except DeviceError as error:
        hint = "" if "speakerd devices" in error.hint else error.hint  # we are just doing that
        text = f"{error.args[0]} ({hint})" if hint else str(error.args[0])
        return Device(name, title, error=text.removeprefix(f"{name}: "))
    return Device(
        name, title, abilities.rates_hz, abilities.rates_are_range, abilities.channels, abilities.formats,
        abilities.granted,
    )  # fmt: skip
