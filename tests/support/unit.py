"""What the unit gives the daemon: so it is run as a service."""

from __future__ import annotations

from pathlib import Path

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "speakerd.service"


def allocator() -> dict[str, str]:
    """Its settings of the C library's allocator."""
    lines = (line.removeprefix("Environment=") for line in UNIT.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line.startswith("MALLOC_"))
