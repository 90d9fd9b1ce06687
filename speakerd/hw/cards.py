"""What sound devices this machine has: names from ALSA's configuration and from the kernel."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speakerd.errors import DeviceError
from speakerd.hw.alsa import Granted, pcm_names, probe
from speakerd.hw.naming import LINKS, paths

Direction = Literal["capture", "playback"]

PROC_ASOUND = Path("/proc/asound")

_NOT_DEVICES = frozenset({"null", "lavrate", "samplerate", "speexrate", "speex", "jack", "oss", "upmix", "vdownmix"})
"""Names that ALSA lists beside the devices: converters and bridges that lead nowhere by themselves."""

_TWIN = re.compile(r"_\d+$")
"""What the kernel puts behind the id of a second card of the same kind."""

_KERNEL_PCM = re.compile(r"^(?P<card>\d+)-(?P<device>\d+): (?P<id>[^:]*) : (?P<name>[^:]*) ?(?P<streams>(?: : .*)?)$")


@dataclass(frozen=True, slots=True)
class Device:
    """One PCM in one direction."""

    name: str
    """For the configuration: ALSA's name, or where two equal cards would share it, the socket's."""
    title: str = ""
    """What the kernel calls the hardware; empty if it is not hardware."""
    rates_hz: tuple[int, ...] = ()
    """Rates it can do; with `rates_are_range`, the lowest and the highest of a continuous range."""
    rates_are_range: bool = False
    channels: tuple[int, ...] = ()
    formats: tuple[str, ...] = ()
    granted: Granted | None = None
    """What it gives to the daemon with default settings."""
    socket: str = ""
    """Udev's name of the socket that the card is plugged into, which the configuration takes too; empty if unknown."""
    error: str = ""
    """Why it does not open; then all above but the name is empty."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """A PCM that the kernel knows, in one direction."""

    direction: Direction
    name: str
    """`hw:CARD=…`, which stays the same over reboots; for one of several equal cards the socket's, which does too."""
    title: str
    socket: str


def hardware(proc: Path = PROC_ASOUND, links: Path = LINKS) -> list[Hardware]:
    """The kernel's PCMs."""
    found: list[Hardware] = []
    try:
        lines = (proc / "pcm").read_text(errors="replace").splitlines()
    except OSError:  # no sound in this kernel at all
        return found
    sockets = paths(links)
    ids = {card: _id(proc, card) for card in _cards(lines)}
    kinds = Counter(_TWIN.sub("", name) for name in ids.values())
    for line in lines:
        if (match := _KERNEL_PCM.match(line)) is None:
            continue
        card, device = int(match["card"]), int(match["device"])
        socket = f"{sockets[card]},DEV={device}" if card in sockets else ""
        twin = kinds[_TWIN.sub("", ids[card])] > 1
        name = socket if twin and socket else f"hw:CARD={ids[card]},DEV={device}"
        directions: tuple[Direction, ...] = ("capture", "playback")
        found += [
            Hardware(direction, name, match["name"].strip(), socket)
            for direction in directions
            if direction in match["streams"]
        ]
    return found


def _cards(lines: Iterable[str]) -> set[int]:
    return {int(match["card"]) for line in lines if (match := _KERNEL_PCM.match(line))}


def _id(proc: Path, card: int) -> str:
    try:
        return (proc / f"card{card}" / "id").read_text(errors="replace").strip()
    except OSError:
        return str(card)


def devices(direction: Direction, proc: Path = PROC_ASOUND, links: Path = LINKS) -> list[Device]:
    """Every PCM of `direction`, `default` first, then hardware, each opened to see what it can do."""
    known = {one.name: one for one in hardware(proc, links) if one.direction == direction}
    names = dict.fromkeys(["default", *known, *pcm_names(direction)])
    return [_examine(direction, name, known.get(name)) for name in names if name not in _NOT_DEVICES]


def _examine(direction: Direction, name: str, known: Hardware | None) -> Device:
    title, socket = (known.title, known.socket) if known else ("", "")
    try:
        abilities = probe(direction, name)
    except DeviceError as error:
        hint = "" if "speakerd devices" in error.hint else error.hint  # we are just doing that
        text = f"{error.args[0]} ({hint})" if hint else str(error.args[0])
        return Device(name, title, socket=socket, error=text.removeprefix(f"{name}: "))
    return Device(
        name, title, abilities.rates_hz, abilities.rates_are_range, abilities.channels, abilities.formats,
        abilities.granted, socket,
    )  # fmt: skip
