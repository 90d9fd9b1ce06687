"""The whole examination: which checks, in which order, and what of it may be told."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config
from speakerd.doctor.discretion import Discretion
from speakerd.doctor.examination import Check, run_checks
from speakerd.doctor.finding import Finding
from speakerd.doctor.listening import check_echo, check_microphone
from speakerd.doctor.patient import Patient

PUBLIC_HOSTS = frozenset({"api.openai.com", "localhost"})


def examine(
    config: Config,
    key: ApiKey | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    quick: bool = False,
    told: Callable[[Finding], None] = lambda _finding: None,
) -> list[Finding]:
    """Examine this machine; `quick` makes no sound and hears none. Blocks for some 15 s, a `quick` one for 3.

    `told` hears each finding as soon as it is known, in the caller's thread. No finding holds the key, an address, a
    name of the user's or anything that was said.
    """
    patient = Patient(config, key, environ)
    discretion = discretion_for(patient)
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(discretion.clean(finding))
        told(findings[-1])

    run_checks(checks(patient, quick=quick), tell)
    return findings


def checks(patient: Patient, *, quick: bool) -> list[Check]:
    """What is examined, in order: first what the rest needs."""
    if quick:
        return []
    return [
        Check("microphone", 10, lambda: check_microphone(patient, service_runs=False)),
        Check("loudspeaker", 20, lambda: check_echo(patient, service_runs=False)),
    ]


def discretion_for(patient: Patient) -> Discretion:
    """What is to be hidden about this user."""
    names = {socket.gethostname(): "[this machine]", _user(): "[user]"}
    if (home := patient.environ.get("HOME", "")) not in ("", "/"):
        names[home] = "~"
    host = urlsplit(patient.config.realtime.url).hostname or ""
    if host not in PUBLIC_HOSTS:
        names[host] = "[server]"
    return Discretion([patient.key.reveal()] if patient.key else [], names)


def _user() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return ""
    return "" if name in ("root", "speakerd", "pi") else name
