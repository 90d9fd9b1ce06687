"""Names of cards that stay the same, whatever is plugged in and in which order.

ALSA knows a card by its number, which changes, and by its id (`hw:CARD=Device`), which stays; but of two equal cards
one is `Device` and the other `Device_1`, as they happen to be found. Udev has a name for the socket instead: a link
`/dev/snd/by-path/…` to the card's control device. It may stand wherever a PCM's name may, with `,DEV=1` behind it for
another than the card's first device, and is followed anew at each opening.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from speakerd.errors import DeviceError

LINKS = Path("/dev/snd")
_NAMED = re.compile(r"(?P<link>/dev/snd/by-(?:path|id)/[^,]+)(?:,(?:DEV=)?(?P<device>\d+))?")
_CONTROL = re.compile(r"controlC(\d+)")


def resolve(device: str, links: Path = LINKS) -> str:
    """The name by which ALSA knows `device` now: `/dev/snd/by-path/…` → `hw:1,0`; any other is left as it is.

    Raises DeviceError if nothing is plugged in there.
    """
    if (named := _NAMED.fullmatch(device)) is None:
        return device
    link = links / Path(named["link"]).relative_to(LINKS)
    control = _CONTROL.fullmatch(_target(link, device))
    if control is None:
        raise DeviceError(device, "is no sound card", hint="`speakerd devices` lists the names")
    return f"hw:{control[1]},{named['device'] or 0}"


def _target(link: Path, device: str) -> str:
    try:
        return link.readlink().name
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        text = "nothing is plugged in there" if missing else os.strerror(error.errno or 0)
        raise DeviceError(device, text, hint="is it plugged in? `speakerd devices` lists the names") from error


def paths(links: Path = LINKS) -> dict[int, str]:
    """For each card that udev knows a socket of, its number and the link."""
    return dict(_links(links))


def _links(links: Path) -> Iterator[tuple[int, str]]:
    folder = links / "by-path"
    try:
        found = sorted(folder.iterdir())
    except OSError:  # no udev here, or no card
        return
    for link in found:
        try:
            control = _CONTROL.fullmatch(link.readlink().name)
        except OSError:
            continue
        if control is not None:
            yield int(control[1]), str(LINKS / "by-path" / link.name)
