"""Asks a program of the system: with a time limit and a bound on what it may say."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

TIMEOUT_S = 4.0
MAX_BYTES = 256 * 1024
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
"""Beside the user's own: some programs that only show something lie where only root looks."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What it said."""

    status: int
    text: str
    errors: str


def ask(command: Sequence[str], timeout_s: float = TIMEOUT_S) -> Answer | None:
    """Run `command`; None if it is not installed, cannot be run, or takes too long. Its output is in English."""
    path = f"{os.environ.get('PATH', '')}:{_PATH}"
    program = shutil.which(command[0], path=path)
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": path, "SYSTEMD_COLORS": "0"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    out, errors = (data[:MAX_BYTES].decode("utf-8", "replace") for data in (done.stdout, done.stderr))
    return Answer(done.returncode, out, errors)


def properties(answer: Answer | None) -> dict[str, str]:
    """Lines such as `ActiveState=active` by name; empty without an answer."""
    if answer is None or answer.status != 0:
        return {}
    pairs = (line.partition("=") for line in answer.text.splitlines())
    return {name: value for name, equals, value in pairs if equals}
