"""The service, as systemd sees it."""

from __future__ import annotations

from pathlib import Path

from speakerd.installation.programs import run

READY_S = 60.0


def systemd_runs() -> bool:
    """False in an image that is being made, and in most containers."""
    return Path("/run/systemd/system").is_dir()


def installed() -> bool:
    """script/install was here."""
    return run("systemctl", "cat", "speakerd").ok


def runs() -> bool:
    """It may hold the cards: also while it waits for a microphone before it is ready."""
    told = run("systemctl", "show", "speakerd", "--property", "ActiveState", "--value")
    return told.ok and told.told.strip() in ("active", "activating", "reloading", "deactivating")


def stop() -> None:
    """Let go of the cards."""
    run("systemctl", "stop", "speakerd")


def go_on() -> None:
    """Start it, and wait for nothing."""
    run("systemctl", "start", "--no-block", "speakerd")


def start() -> str:
    """Enable it and start it anew; empty once sound has passed the wake model, else what is wrong."""
    run("systemctl", "daemon-reload")
    run("systemctl", "reset-failed", "speakerd")
    enabled = run("systemctl", "enable", "speakerd")
    if not enabled.ok:
        return enabled.told
    started = run("systemctl", "restart", "speakerd", timeout_s=READY_S)
    if started.ok:
        return ""
    status = run("systemctl", "show", "speakerd", "--property", "StatusText", "--value").told.strip()
    log = run("journalctl", "--unit", "speakerd", "--lines", "12", "--no-pager", "--output", "cat").told
    return f"{started.told.strip()}\n{log}{status}"
