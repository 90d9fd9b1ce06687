"""Python, and what speakerd needs of packages and programs. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from speakerd.doctor.finding import Figure, Finding, notice, ok, problem

PYTHON = "python"
PACKAGES = "packages"
PROGRAMS = "programs"

OLDEST_PYTHON = (3, 11)
_INSTALL = "sudo script/install   (in a checkout of speakerd)"
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*(?P<limits>[^;]*)(?P<marker>;.*)?")
_LIMIT = re.compile(r"(?P<operator>>=|<=|==|~=|!=|<|>)\s*(?P<version>[0-9][0-9.]*)")


@dataclass(frozen=True, slots=True)
class Software:
    """What is installed."""

    python: tuple[int, int, int]
    bits: int
    machine: str
    system: str
    """Name and version of the distribution."""
    speakerd: str
    requirements: tuple[str, ...]
    """As the package's metadata write them; empty if it was not installed but is run from a checkout."""
    installed: Mapping[str, str | None]
    """Version by package; None: not installed."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Modules that cannot be imported, and why."""
    missing_programs: Mapping[str, str] = field(default_factory=dict)
    """Programs that are not there, and what they are for."""


def judge(software: Software) -> list[Finding]:
    """One finding for each of the three, and one for each fault."""
    return [_python(software), *_packages(software), *_programs(software)]


def needed(requirements: tuple[str, ...]) -> dict[str, str]:
    """Limits by package, extras left out: `websockets>=16,<17` → `{"websockets": ">=16,<17"}`."""
    found = {}
    for requirement in requirements:
        match = _REQUIREMENT.fullmatch(requirement.strip())
        if match is not None and "extra" not in (match["marker"] or ""):
            found[match["name"]] = match["limits"].strip(" ()")
    return found


def fits(version: str, limits: str) -> bool:
    """Whether `version` is within `limits`; only the numbers count."""
    return all(
        _within(_numbers(version), limit["operator"], _numbers(limit["version"])) for limit in _LIMIT.finditer(limits)
    )


def _within(version: tuple[int, ...], operator: str, limit: tuple[int, ...]) -> bool:
    size = max(len(version), len(limit))
    one, other = (numbers + (0,) * (size - len(numbers)) for numbers in (version, limit))
    match operator:
        case ">=":
            return one >= other
        case "<=":
            return one <= other
        case ">":
            return one > other
        case "<":
            return one < other
        case "!=":
            return one != other
        case "~=":
            return one >= other and version[: len(limit) - 1] == limit[:-1]
        case _:
            return one == other


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _python(software: Software) -> Finding:
    version = ".".join(map(str, software.python))
    what = f"speakerd {software.speakerd}, Python {version}, {software.machine}, {software.system}."
    figures: dict[str, Figure] = {
        "speakerd": software.speakerd,
        "python": version,
        "machine": software.machine,
        "bits": software.bits,
    }
    if software.bits < 64:
        why = "The wake models have no 32-bit builds."
        return problem(PYTHON, what, why, "install the 64-bit Raspberry Pi OS", **figures)
    if software.python[:2] < OLDEST_PYTHON:
        why = "speakerd needs Python 3.11 or newer."
        return problem(PYTHON, what, why, "install Raspberry Pi OS bookworm or newer", **figures)
    return ok(PYTHON, what, **figures)


def _packages(software: Software) -> list[Finding]:
    wrong = []
    for name, limits in needed(software.requirements).items():
        version = software.installed.get(name)
        if version is None:
            wrong.append(f"{name} is missing")
        elif not fits(version, limits):
            wrong.append(f"{name} is {version}, needed is {limits}")
    wrong += [f"{name} cannot be loaded ({why})" for name, why in software.broken.items()]
    versions = {name: version for name, version in software.installed.items() if version is not None}
    if wrong:
        why = "speakerd was built and tested with others, or cannot start at all."
        return [problem(PACKAGES, f"{'; '.join(wrong)}.", why, _INSTALL, **versions)]
    return [ok(PACKAGES, f"All {len(versions)} packages are there, and can be loaded.", **versions)]


_REMEDIES = {"piper": "pip install piper-tts   (Debian's package piper is something else)"}
"""Of programs that are not in a Debian package of that name."""


def _programs(software: Software) -> list[Finding]:
    return [
        notice(
            PROGRAMS,
            f"The program {name} is not installed.",
            f"It {purpose}.",
            _REMEDIES.get(name, f"sudo apt-get install {name}"),
        )
        for name, purpose in software.missing_programs.items()
    ]
