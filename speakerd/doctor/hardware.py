"""The checks of what there is: cards, their mixers, the machine, its radio."""

from __future__ import annotations

from collections.abc import Iterator

from speakerd.doctor.finding import Finding
from speakerd.doctor.judges import cards as judge
from speakerd.doctor.judges import machine as judge_machine
from speakerd.doctor.judges import wifi as judge_wifi
from speakerd.doctor.patient import Patient
from speakerd.doctor.probes.machine import machine
from speakerd.doctor.probes.wifi import radios
from speakerd.hw.alsa import pcm_names
from speakerd.hw.cards import Direction, hardware
from speakerd.hw.mixer import controls, find_control, mixer_device
from speakerd.hw.naming import LINKS


def check_cards(patient: Patient) -> Iterator[Finding]:
    """What the kernel has."""
    found = hardware(patient.root / "proc/asound", patient.root / LINKS.relative_to("/"))
    names: dict[Direction, list[str]] = {"capture": [], "playback": []}
    for one in found:
        names[one.direction].append(f"{one.title} ({one.name})")
    wanted = {"capture": patient.config.audio.capture_device, "playback": patient.config.audio.playback_device}
    shared = not found and all(wanted[side] in pcm_names(side) for side in names)
    yield judge.cards(names["capture"], names["playback"], shared)


def check_mixers(patient: Patient) -> Iterator[Finding]:
    """Does the mixer let sound through?"""
    audio = patient.config.audio
    main = find_control(mixer_device(audio.playback_device))
    yield from judge.playback(controls(audio.playback_device), main, mixer_command(audio.playback_device))
    yield from judge.capture(controls(audio.capture_device), mixer_command(audio.capture_device))


def check_machine(patient: Patient) -> Iterator[Finding]:
    """Load, heat, power, memory, disk."""
    yield from judge_machine.judge(machine(patient.root, patient.environ))


def check_wifi(patient: Patient) -> Iterator[Finding]:
    """Power saving."""
    yield from judge_wifi.judge(radios(patient.root))


def mixer_command(pcm: str) -> str:
    """The command that opens the mixer of a PCM's card."""
    return f"alsamixer -D {mixer_device(pcm)}"
