"""Figures of the machine: from /proc, /sys and, on a Raspberry Pi, its firmware."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from speakerd.doctor.judges.machine import Machine
from speakerd.doctor.probes.command import ask


def machine(root: Path, environ: Mapping[str, str]) -> Machine:
    """All of it; what cannot be told here is None."""
    return Machine(
        model=_text(root / "proc/device-tree/model").rstrip("\0"),
        processors=len(os.sched_getaffinity(0)),
        load_1_min=_load(root),
        memory_free_mb=_memory_mb(root),
        disk_free_mb=_disk_mb(Path(environ.get("STATE_DIRECTORY") or root / "var/lib")),
        celsius=celsius(root),
        throttled=throttled(root),
    )


def celsius(root: Path) -> float | None:
    """Of the hottest zone, °C."""
    texts = [_text(path) for path in sorted((root / "sys/class/thermal").glob("thermal_zone*/temp"))]
    degrees = [int(text) / 1000 for text in texts if re.fullmatch(r"-?\d+", text)]
    return max((one for one in degrees if -20 < one < 150), default=None)  # some zones tell nonsense


def throttled(root: Path) -> int | None:
    """The firmware's bits, from sysfs or by `vcgencmd`."""
    for path in sorted((root / "sys/devices/platform/soc").glob("*/get_throttled")):
        if re.fullmatch(r"[0-9a-fA-F]{1,8}", text := _text(path).removeprefix("0x")):
            return int(text, 16)
    answer = ask(["vcgencmd", "get_throttled"])
    found = re.search(r"throttled=0x([0-9a-fA-F]+)", answer.text) if answer else None
    return int(found[1], 16) if found else None


def _load(root: Path) -> float:
    words = _text(root / "proc/loadavg").split()
    return float(words[0]) if words else os.getloadavg()[0]


def _memory_mb(root: Path) -> int | None:
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    return int(found[1]) // 1024 if found else None


def _disk_mb(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free // 1_000_000
    except OSError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
