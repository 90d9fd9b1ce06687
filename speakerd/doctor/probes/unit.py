"""The service as systemd and the journal know it."""

from __future__ import annotations

import json
from pathlib import Path

from speakerd.doctor.judges.unit import Unit
from speakerd.doctor.probes.command import ask, properties

_ASKED = "ActiveState,SubState,UnitFileState,LoadState,StatusText,Result,ExecMainStatus,NRestarts"
MAX_WARNINGS = 100
MAX_CHARACTERS = 200


def systemd_runs() -> bool:
    """False in most containers."""
    return Path("/run/systemd/system").is_dir()


def unit(name: str) -> Unit | None:
    """None if there is no such unit, or no systemd."""
    told = properties(ask(["systemctl", "show", name, f"--property={_ASKED}"]))
    if told.get("LoadState") not in ("loaded", "masked", "error", "bad-setting"):
        return None
    return Unit(
        active=told.get("ActiveState", ""),
        sub=told.get("SubState", ""),
        enabled=told.get("UnitFileState", ""),
        status=told.get("StatusText", ""),
        result=told.get("Result", ""),
        exit_status=_number(told.get("ExecMainStatus", "")),
        restarts=_number(told.get("NRestarts", "")),
    )


def warnings(name: str) -> list[str] | None:
    """Messages of this boot from warnings up, oldest first, repeated ones once; None if the journal may not be read."""
    answer = ask(
        ["journalctl", f"--unit={name}", "--boot", "--priority=warning", f"--lines={MAX_WARNINGS}", "--output=json",
         "--output-fields=MESSAGE", "--no-pager", "--quiet"]
    )  # fmt: skip
    if answer is None or answer.status != 0 or "permission" in answer.errors.lower():
        return None
    return list(dict.fromkeys(message for line in answer.text.splitlines() if (message := _message(line))))


def _message(line: str) -> str:
    """The first line of an entry; empty if it cannot be read."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    message = entry.get("MESSAGE") if isinstance(entry, dict) else None
    text = message if isinstance(message, str) else ""
    return "".join(c if c.isprintable() else " " for c in text.strip().split("\n")[0])[:MAX_CHARACTERS]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
