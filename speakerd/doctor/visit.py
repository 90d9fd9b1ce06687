"""The whole examination: which checks, in which order, and what of it may be told."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config
from speakerd.doctor.connecting import Connecting
from speakerd.doctor.discretion import Discretion
from speakerd.doctor.examination import Check, run_checks
from speakerd.doctor.finding import Finding
from speakerd.doctor.hardware import check_cards, check_machine, check_mixers, check_wifi
from speakerd.doctor.listening import Listening
from speakerd.doctor.patient import Patient
from speakerd.doctor.probes.unit import unit as find_unit
from speakerd.doctor.software import check_configuration, check_key, check_models, check_packages, check_service

PUBLIC_HOSTS = frozenset({"api.openai.com", "localhost"})


def examine(
    config: Config,
    key: ApiKey | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    quick: bool = False,
    told: Callable[[Finding], None] = lambda _finding: None,
) -> list[Finding]:
    """Examine this machine; `quick` makes no sound and hears none. Blocks for some 20 s, a `quick` one for 5.

    `told` hears each finding as soon as it is known, in the caller's thread. No finding holds the key, an address, a
    name of the user's or anything that was said.
    """
    return visit(Patient(config, key, environ), quick=quick, told=told)


def visit(
    patient: Patient,
    *,
    quick: bool = False,
    before_start: bool = False,
    told: Callable[[Finding], None] = lambda _finding: None,
) -> list[Finding]:
    """As `examine`; `before_start`: that the service does not run is no wonder, so nothing is said of it."""
    discretion = discretion_for(patient)
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(discretion.clean(finding))
        told(findings[-1])

    run_checks([c for c in checks(patient, quick=quick) if not (before_start and c.subject == "service")], tell)
    return findings


def checks(patient: Patient, *, quick: bool) -> list[Check]:
    """What is examined, in order: first what the rest needs."""
    connecting = Connecting(patient)
    unit = find_unit(patient.unit)
    listening = Listening(patient, service_runs=unit is not None and unit.runs)
    always = [
        Check("packages", 90, lambda: check_packages(patient)),
        Check("configuration", 10, lambda: check_configuration(patient)),
        Check("key", 10, lambda: check_key(patient)),
        Check("machine", 10, lambda: check_machine(patient)),
        Check("wifi", 20, lambda: check_wifi(patient)),
        Check("network", 15, connecting.check_name, connecting.late_name),
        Check("realtime", 60, connecting.check_service),
        Check("realtime", 20, connecting.check_stand_in),
        Check("service", 15, lambda: check_service(patient, unit)),
        Check("cards", 10, lambda: check_cards(patient)),
        Check("mixer", 10, lambda: check_mixers(patient)),
        Check("models", 90, lambda: check_models(patient)),
    ]
    aloud = [
        Check("microphone", 10, listening.check_microphone),
        Check("loudspeaker", 25, listening.check_echo),
    ]
    return always if quick else [*always, *aloud]


def discretion_for(patient: Patient) -> Discretion:
    """What is to be hidden about this user."""
    names = {_public_or(socket.gethostname()): "[this machine]", _public_or(_user()): "[user]"}
    if (home := patient.environ.get("HOME", "")) not in ("", "/"):
        names[home] = "~"
    config = patient.config
    for url in (config.realtime.url, config.server.chat_url, *(server.url for server in config.skills.mcp)):
        host = urlsplit(url).hostname or ""
        if host not in PUBLIC_HOSTS:
            names[host] = "[server]"
    return Discretion([patient.key.reveal()] if patient.key else [], names)


def _user() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return ""
    return name


def _public_or(name: str) -> str:
    """`name`; empty for one that tells nothing of its owner: it may be a word of ours, which is to be read."""
    return "" if name in ("root", "pi", "raspberrypi", "localhost", "speakerd", "audio") else name
