"""Runs programs of the system."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended."""

    status: int
    """127: there is no such program; 124: it did not end in time."""
    told: str
    """All that it printed, both ways."""

    @property
    def ok(self) -> bool:
        """It did what it should."""
        return self.status == 0


def run(*command: str, text: str | None = None, timeout_s: float = 30.0) -> Done:
    """Run `command` with `text` as its input. Never raises."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Done(124, f"{command[0]} did not end within {timeout_s:g} s")
    except OSError as error:
        return Done(127, f"{command[0]}: {error.strerror}")
    return Done(done.returncode, done.stdout + done.stderr)
