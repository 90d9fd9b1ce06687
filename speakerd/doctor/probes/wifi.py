"""Wi-Fi interfaces that are up: power saving by `iw`, signal by the kernel."""

from __future__ import annotations

import re
from pathlib import Path

from speakerd.doctor.judges.wifi import Radio
from speakerd.doctor.probes.command import ask


def radios(root: Path) -> list[Radio]:
    """Each that is up."""
    found = []
    for folder in sorted((root / "sys/class/net").glob("*")):
        is_radio = (folder / "wireless").is_dir() or (folder / "phy80211").exists()
        if is_radio and _text(folder / "operstate") == "up":
            name = folder.name
            found.append(Radio(name, name in _ways_out(root), power_save(name), _signal(root, name)))
    return found


def power_save(interface: str) -> bool | None:
    """None if `iw` is not installed or does not know."""
    answer = ask(["iw", "dev", interface, "get", "power_save"])
    said = re.search(r"Power save: (on|off)", answer.text) if answer else None
    return said[1] == "on" if said else None


def _ways_out(root: Path) -> set[str]:
    """Interfaces of default routes."""
    rows = [line.split() for line in _text(root / "proc/net/route").splitlines()[1:]]
    return {row[0] for row in rows if len(row) > 1 and row[1] == "00000000"}


def _signal(root: Path, interface: str) -> float | None:
    """dBm, from /proc/net/wireless: `wlan0: 0000   58.  -52.  -256 …`."""
    found = re.search(
        rf"^\s*{re.escape(interface)}:\s+\S+\s+\S+\s+(-\d+)\.?\s", _text(root / "proc/net/wireless"), re.M
    )
    return float(found[1]) if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
