"""One thing that was found out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Figure: TypeAlias = str | int | float | bool | None


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTICE = "notice"
    """It works, but not as well as it could, or it could not be told."""
    PROBLEM = "problem"
    """It keeps speakerd from answering."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is so, and for anything but `ok`: why it matters, and the command that mends it."""

    subject: str
    """What was examined, one word such as `microphone`."""
    level: Level
    what: str
    """A sentence."""
    why: str = ""
    remedy: str = ""
    """A command, or what to do."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """What was measured, for `--json`; names carry units."""


def ok(subject: str, what: str, **figures: Figure) -> Finding:
    """All is well."""
    return Finding(subject, Level.OK, what, figures=figures)


def notice(subject: str, what: str, why: str, remedy: str, **figures: Figure) -> Finding:
    """Worth knowing."""
    return Finding(subject, Level.NOTICE, what, why, remedy, figures)


def problem(subject: str, what: str, why: str, remedy: str, **figures: Figure) -> Finding:
    """To be mended."""
    return Finding(subject, Level.PROBLEM, what, why, remedy, figures)


def any_problem(findings: list[Finding]) -> bool:
    """True if at least one keeps speakerd from answering."""
    return any(finding.level is Level.PROBLEM for finding in findings)
