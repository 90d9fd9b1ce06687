"""`speakerd devices`: sound cards and what they can do."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import click

from speakerd.errors import EXIT_FAILED, EXIT_OK
from speakerd.hw.cards import Device, Direction, devices

_TITLES: dict[Direction, str] = {
    "capture": "Microphones (audio.capture_device)",
    "playback": "Loudspeakers (audio.playback_device)",
}
_NONE: dict[Direction, str] = {"capture": "microphone", "playback": "loudspeaker"}

_HELP = """\
Is the card plugged in, and does the kernel know it (cat /proc/asound/cards)? A card on the pins of a Raspberry Pi
needs its dtoverlay in /boot/firmware/config.txt. May this user open it (group audio)? Does another program hold it?"""


@click.command("devices")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(as_json: bool) -> None:
    """List every sound device with the rates, channels and formats that it grants; `*` marks the default.

    The names stay the same whatever else is plugged in: put them into the configuration. `socket` is another name for
    a card on USB, which means whatever card is in that socket.
    """
    with quiet_libraries():
        found: dict[Direction, list[Device]] = {direction: devices(direction) for direction in get_args(Direction)}
    missing = [direction for direction, listed in found.items() if all(device.error for device in listed)]
    if as_json:
        click.echo(
            json.dumps({direction: [as_dict(device) for device in listed] for direction, listed in found.items()})
        )
    else:
        for direction, listed in found.items():
            click.echo("\n".join(describe(_TITLES[direction], listed)))
    for direction in missing:
        click.echo(f"No {_NONE[direction]} can be opened.", err=True)
    if missing:
        click.echo(_HELP, err=True)
    sys.exit(EXIT_FAILED if missing else EXIT_OK)


def describe(title: str, listed: Sequence[Device]) -> list[str]:
    """Lines for a human."""
    lines = [title]
    for device in listed:
        mark = "*" if device.name == "default" else " "
        lines.append(f"{mark} {device.name}" + (f"  ({device.title})" if device.title else ""))
        if "usb" in device.socket and device.name != device.socket:
            lines.append(f"      socket  {device.socket}")
        if device.error:
            lines.append(f"      does not open: {device.error}")
        elif device.granted is not None:
            granted = device.granted
            rates = ranges(device.rates_hz) if not device.rates_are_range else "-".join(map(str, device.rates_hz))
            plural = "s" if granted.channels > 1 else ""
            lines += [
                f"      can     {rates} Hz; {ranges(device.channels)} channels; {' '.join(device.formats)}",
                f"      grants  {granted.rate_hz} Hz, {granted.channels} channel{plural}, {granted.form.name}",
            ]
    return [*lines, ""]


def ranges(numbers: Sequence[int]) -> str:
    """1 2 3 8 as `1-3, 8`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def as_dict(device: Device) -> dict[str, Any]:
    """The same for programs."""
    granted = device.granted
    return {
        "name": device.name,
        "default": device.name == "default",
        "title": device.title,
        "socket": device.socket,
        "rates_hz": {"min": device.rates_hz[0], "max": device.rates_hz[-1]}
        if device.rates_are_range
        else list(device.rates_hz),
        "channels": list(device.channels),
        "formats": list(device.formats),
        "granted": granted and {"rate_hz": granted.rate_hz, "channels": granted.channels, "format": granted.form.name},
        "error": device.error,
    }


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep libraries written in C from writing on stderr, such as ALSA about every name that leads nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a file descriptor is what is wanted
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
