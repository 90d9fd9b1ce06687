"""Runs checks one after the other, each in a thread with a time limit. None can end the examination."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from speakerd.doctor.finding import Finding, notice, problem
from speakerd.threads import Worker


@dataclass(frozen=True, slots=True)
class Check:
    """One subject."""

    subject: str
    limit_s: float
    run: Callable[[], Iterable[Finding]]
    """Called in a thread of its own; what it finds before the limit counts. May raise anything."""
    late: Callable[[], Finding] | None = None
    """What it means if it hangs, where more can be said than that."""


def run_checks(checks: Sequence[Check], told: Callable[[Finding], None] = lambda _finding: None) -> list[Finding]:
    """The findings of all checks, in order; `told` hears each when its check is over, in the caller's thread."""
    findings: list[Finding] = []
    for check in checks:
        for finding in run_check(check):
            told(finding)
            findings.append(finding)
    return findings


def run_check(check: Check) -> list[Finding]:
    """What one check finds. Never raises. A check that hangs is left behind in its thread."""
    found: list[Finding] = []
    crashes: list[BaseException] = []

    def run(worker: Worker) -> None:
        for finding in check.run():
            if worker.stopping:
                return
            found.append(finding)

    worker = Worker(f"doctor-{check.subject}", run, lambda _name, error: crashes.append(error))
    worker.start()
    if not worker.join(check.limit_s):
        worker.stop()
        return [*found, check.late() if check.late else _late(check)]
    return [*found, *(_crashed(check, error) for error in crashes)]


def _late(check: Check) -> Finding:
    return problem(
        check.subject,
        f"This check did not end within {check.limit_s:g} s and was given up.",
        "Something in it hangs, and may hang in speakerd too.",
        "run `speakerd doctor` again; if it stays so, report it with this output",
    )


def _crashed(check: Check, error: BaseException) -> Finding:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return notice(
        check.subject,
        f"This check failed: {type(error).__name__}{place}.",
        "That is a mistake in the doctor; it says nothing about speakerd.",
        "report it with this output",
    )
