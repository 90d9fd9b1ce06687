"""Is the machine fast, cool, and fed with enough power? Pure."""

from __future__ import annotations

from dataclasses import dataclass

from speakerd.doctor.finding import Finding, notice, ok, problem

SUBJECT = "machine"

HOT_CELSIUS = 80.0
WARM_CELSIUS = 70.0
"""A Raspberry Pi slows down from 80 °C on."""
LEAST_MEMORY_MB = 100
LEAST_DISK_MB = 50
BUSY_SHARE = 0.9
"""Of all processors over the last minute, from which sound may be lost."""

_THROTTLED = {
    0: "its supply voltage is too low",
    1: "its processor is slowed down",
    2: "it is throttled",
    3: "it is at its temperature limit",
}
_SINCE_START = 16


@dataclass(frozen=True, slots=True)
class Machine:
    """Figures; None: cannot be told here."""

    model: str
    processors: int
    load_1_min: float
    memory_free_mb: int | None
    disk_free_mb: int | None
    """Where speakerd keeps its state."""
    celsius: float | None
    throttled: int | None
    """The firmware's bits: 0 to 3 now, 16 to 19 at any time since the start."""


def judge(machine: Machine) -> list[Finding]:
    """A finding for each fault, or one that all is well."""
    faults = [*_power(machine), *_heat(machine), *_load(machine), *_room(machine)]
    return faults or [ok(SUBJECT, f"{_described(machine)}.", **_figures(machine))]


def _described(machine: Machine) -> str:
    parts = [machine.model or "This machine", f"{machine.processors} processors", f"load {machine.load_1_min:.1f}"]
    if machine.celsius is not None:
        parts.append(f"{machine.celsius:.0f} °C")
    if machine.memory_free_mb is not None:
        parts.append(f"{machine.memory_free_mb} MB of memory free")
    if machine.throttled == 0:
        parts.append("never throttled")
    return ", ".join(parts)


def _power(machine: Machine) -> list[Finding]:
    bits = machine.throttled or 0
    now = [text for bit, text in _THROTTLED.items() if bits >> bit & 1]
    before = [text for bit, text in _THROTTLED.items() if bits >> (bit + _SINCE_START) & 1]
    if not now and not before:
        return []
    when, said = ("Now", now) if now else ("Since the start, at times,", before)
    why = "A machine that is slowed down loses sound, and one with too little power loses USB devices."
    remedy = "a power supply made for this Pi, and a short cable; for heat: a heat sink or a fan"
    return [(problem if now else notice)(SUBJECT, f"{when} {' and '.join(said)}.", why, remedy, **_figures(machine))]


def _heat(machine: Machine) -> list[Finding]:
    if machine.celsius is None or machine.celsius < WARM_CELSIUS:
        return []
    kind = problem if machine.celsius >= HOT_CELSIUS else notice
    why = f"From {HOT_CELSIUS:.0f} °C on a Raspberry Pi slows down, and sound is lost."
    remedy = "give it air, a heat sink or a fan; see what keeps it busy: top"
    return [kind(SUBJECT, f"It is hot: {machine.celsius:.0f} °C.", why, remedy, **_figures(machine))]


def _load(machine: Machine) -> list[Finding]:
    if machine.load_1_min < BUSY_SHARE * machine.processors:
        return []
    what = f"It is busy: load {machine.load_1_min:.1f} on {machine.processors} processors."
    return [notice(SUBJECT, what, "Sound that is not fetched in time is lost.", "top", **_figures(machine))]


def _room(machine: Machine) -> list[Finding]:
    findings = []
    if machine.memory_free_mb is not None and machine.memory_free_mb < LEAST_MEMORY_MB:
        what = f"Memory is short: {machine.memory_free_mb} MB are free."
        why = "speakerd needs some 100 MB; with less it is moved to disk or killed."
        findings.append(notice(SUBJECT, what, why, "ps aux --sort=-rss | head", **_figures(machine)))
    if machine.disk_free_mb is not None and machine.disk_free_mb < LEAST_DISK_MB:
        what = f"The disk is full: {machine.disk_free_mb} MB are free."
        why = "The bill, the journal and spoken notices cannot be kept."
        remedy = "sudo apt-get clean; sudo journalctl --vacuum-size=50M; df -h"
        findings.append(notice(SUBJECT, what, why, remedy, **_figures(machine)))
    return findings


def _figures(machine: Machine) -> dict[str, str | int | float | None]:
    return {
        "model": machine.model,
        "processors": machine.processors,
        "load_1_min": round(machine.load_1_min, 2),
        "memory_free_mb": machine.memory_free_mb,
        "disk_free_mb": machine.disk_free_mb,
        "celsius": machine.celsius,
        "throttled": None if machine.throttled is None else f"0x{machine.throttled:x}",
    }
