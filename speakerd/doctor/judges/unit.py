"""What systemd and the journal say about the service. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from speakerd.doctor.finding import Figure, Finding, notice, ok, problem
from speakerd.errors import EXIT_CONFIG, EXIT_USAGE

SERVICE = "service"
JOURNAL = "journal"

SHOWN_LINES = 8
_QUOTED = re.compile(r"\"[^\"]*\"|(?<![^\s(:])'[^']*'(?![^\s,.:;)])")
"""What may be somebody's words."""
MANY_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class Unit:
    """As `systemctl show` tells."""

    active: str
    """active, inactive, failed, activating, …"""
    sub: str
    enabled: str
    status: str
    """What the daemon said last."""
    result: str
    exit_status: int
    restarts: int

    @property
    def runs(self) -> bool:
        """Its process is there, and most likely holds the cards."""
        return self.active in ("active", "activating", "reloading", "deactivating")


def judge(unit: Unit | None, warnings: list[str] | None, *, systemd_runs: bool = True) -> list[Finding]:
    """`unit`: None without systemd or where it is not installed; `warnings`: newest last, None: not to be read."""
    return [*_unit(unit, systemd_runs), *_journal(unit, warnings)]


def _unit(unit: Unit | None, systemd_runs: bool) -> list[Finding]:
    if unit is None:
        why = "It does not start by itself with the machine."
        if not systemd_runs:
            return [notice(SERVICE, "There is no systemd here, so no service.", why, "speakerd run, by hand")]
        return [notice(SERVICE, "speakerd is not installed as a service.", why, "sudo script/install")]
    figures: dict[str, Figure] = {
        "active": unit.active,
        "sub": unit.sub,
        "enabled": unit.enabled,
        "restarts": unit.restarts,
    }
    if unit.active == "active":
        findings = [ok(SERVICE, f"The service runs. It says: {unit.status or 'nothing'}", **figures)]
    elif unit.active == "activating":
        why = "It is ready when sound from the microphone has passed the wake model, and tries again until it does."
        what = f"The service is starting, or waits to start again. It says: {unit.status or 'nothing'}"
        findings = [notice(SERVICE, what, why, "journalctl -u speakerd -n 20 -x", **figures)]
    elif unit.active == "failed":
        findings = [_failed(unit, figures)]
    else:
        what = f"The service does not run ({unit.active})."
        findings = [
            notice(SERVICE, what, "Nobody listens for the wake word.", "sudo systemctl start speakerd", **figures)
        ]
    if unit.enabled not in ("enabled", "enabled-runtime", "static", ""):
        what = f"The service does not start with the machine ({unit.enabled})."
        findings.append(
            notice(SERVICE, what, "After a power failure it stays silent.", "sudo systemctl enable speakerd")
        )
    if unit.restarts >= MANY_RESTARTS:
        what = f"The service was restarted {unit.restarts} times."
        why = "Something makes it end again and again."
        findings.append(notice(SERVICE, what, why, "journalctl -u speakerd -p warning -x"))
    return findings


def _failed(unit: Unit, figures: dict[str, Figure]) -> Finding:
    what = f"The service has failed ({unit.result}, exit status {unit.exit_status})."
    if unit.exit_status in (EXIT_CONFIG, EXIT_USAGE):
        why = "Its configuration has a mistake, or may not be read; systemd waits for you to mend it."
        remedy = "speakerd check --config /etc/speakerd/speakerd.yaml; sudo systemctl start speakerd"
        return problem(SERVICE, what, why, remedy, **figures)
    why = "Nobody listens for the wake word."
    return problem(SERVICE, what, why, "journalctl -u speakerd -n 50 -x; sudo systemctl restart speakerd", **figures)


def _journal(unit: Unit | None, warnings: list[str] | None) -> list[Finding]:
    if unit is None:
        return []
    if warnings is None:
        why = "The last warnings of the service stand there."
        return [notice(JOURNAL, "The journal may not be read by this user.", why, "sudo speakerd doctor")]
    if not warnings:
        return [ok(JOURNAL, "No warnings since the machine started.")]
    shown = [_QUOTED.sub("'…'", line) for line in warnings[-SHOWN_LINES:]]
    count = "1 warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
    what = f"{count} since the machine started, the last: {' | '.join(shown)}"
    why = "Each names a fault, and `-x` explains what to do about it."
    return [notice(JOURNAL, what, why, "journalctl -u speakerd -b -p warning -x", warnings=len(warnings))]
