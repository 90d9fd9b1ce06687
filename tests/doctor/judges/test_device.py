"""Cards that do not open."""

from __future__ import annotations

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.device import judge
from speakerd.errors import DeviceBusyError, DeviceError

BUSY = DeviceBusyError("hw:1", "is held by speakerd (process 7)", hint="stop it")


def test_the_service_has_the_card_and_that_is_well():
    finding = judge("microphone", BUSY, service_runs=True)
    assert finding.level is Level.NOTICE
    assert finding.remedy == "sudo systemctl stop speakerd; speakerd doctor; sudo systemctl start speakerd"


def test_somebody_else_has_it():
    finding = judge("microphone", BUSY, service_runs=False)
    assert finding.level is Level.PROBLEM
    assert "held by speakerd (process 7)" in finding.what
    assert finding.remedy == "stop it"


def test_somebody_else_has_it_though_the_service_runs():
    other = DeviceBusyError("hw:1", "is held by wireplumber (process 9)", hint="mask it")
    assert judge("microphone", other, service_runs=True).level is Level.PROBLEM
    unknown = DeviceBusyError("hw:1", "Device or resource busy", hint="stop it")
    assert judge("microphone", unknown, service_runs=True).level is Level.NOTICE


def test_it_is_not_there():
    finding = judge("loudspeaker", DeviceError("hw:9", "No such device", hint="is it plugged in?"), service_runs=True)
    assert finding.level is Level.PROBLEM
    assert "hw:9: No such device" in finding.what
    assert "cannot be heard" in finding.why
