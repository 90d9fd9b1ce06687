"""The checks of what is installed and set: packages, models, configuration, key, service."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from speakerd.config.credentials import token
from speakerd.doctor.finding import Finding
from speakerd.doctor.judges import models as judge_models
from speakerd.doctor.judges import settings as judge_settings
from speakerd.doctor.judges import unit as judge_unit
from speakerd.doctor.judges import wheels as judge_wheels
from speakerd.doctor.judges.unit import Unit
from speakerd.doctor.patient import Patient
from speakerd.doctor.probes.models import pace
from speakerd.doctor.probes.unit import systemd_runs, warnings
from speakerd.doctor.probes.wheels import software
from speakerd.errors import ConfigError, SpeakerdError
from speakerd.purse.pricelist import load_prices
from speakerd.realtime.address import is_private
from speakerd.speaker.sounds import load_earcons

OPENAI_HOST = "api.openai.com"


def check_packages(patient: Patient) -> Iterator[Finding]:
    """Python, its packages, programs."""
    yield from judge_wheels.judge(software(patient.config, patient.root))


def check_configuration(patient: Patient) -> Iterator[Finding]:
    """Its mistakes, as the loader tells them, and the files that it names."""
    if patient.mistakes:
        yield from judge_settings.mistakes(list(patient.mistakes))
        return
    try:
        load_earcons(patient.config.sounds)
        load_prices(patient.config.purse.prices)
    except ConfigError as error:
        yield judge_settings.wrong(str(error))
        return
    audio = patient.config.audio
    devices = {"audio.capture_device": audio.capture_device, "audio.playback_device": audio.playback_device}
    yield from judge_settings.usable(patient.config_name, devices)


def check_key(patient: Patient) -> Iterator[Finding]:
    """Is it there? And the secrets of MCP servers."""
    url = patient.config.realtime.url
    yield judge_settings.key(
        patient.key.source if patient.key else "",
        needed=urlsplit(url).hostname == OPENAI_HOST,
        sent=url != "embedded" and is_private(url),
        may_be_hidden=patient.key_hidden,
    )
    for server in patient.config.skills.mcp:
        try:
            missing = bool(server.credential) and token(server.credential, patient.environ) is None
        except ConfigError as error:
            yield judge_settings.wrong(str(error))
            continue
        if missing and not patient.key_hidden:
            yield judge_settings.token(server.credential, server.label)


def check_models(patient: Patient) -> Iterator[Finding]:
    """Do they load, and how fast are they?"""
    try:
        yield judge_models.judge(pace(patient.config))
    except SpeakerdError as error:
        yield judge_models.unusable(str(error.args[0]), error.hint)


def check_service(patient: Patient, unit: Unit | None) -> Iterator[Finding]:
    """What systemd and the journal say."""
    told = warnings(patient.unit) if unit is not None else None
    yield from judge_unit.judge(unit, told, systemd_runs=systemd_runs())
