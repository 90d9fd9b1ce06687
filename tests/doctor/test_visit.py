"""The whole visit, on a machine where as good as everything is ill, and nothing of its user in the report."""

from __future__ import annotations

import json
import socket

import pytest

from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config, Realtime
from speakerd.doctor import visit as visit_module
from speakerd.doctor.examination import Check
from speakerd.doctor.finding import problem
from speakerd.doctor.patient import Patient
from speakerd.doctor.report import as_json, lines
from speakerd.doctor.visit import checks, discretion_for, examine

KEY = "sk-proj-0123456789abcdefghij"
URL = "wss://anna-and-bob.example.net/v1/realtime"


def test_every_check_has_a_limit_and_quick_makes_no_sound():
    patient = Patient(Config())
    every, quick = checks(patient, quick=False), checks(patient, quick=True)
    assert [check.subject for check in every if check not in quick][-2:] == ["microphone", "loudspeaker"]
    assert not {"microphone", "loudspeaker"} & {check.subject for check in quick}
    assert all(0 < check.limit_s <= 90 for check in every)


def test_nothing_of_the_user_is_in_the_report(monkeypatch):
    monkeypatch.setattr(visit_module, "_user", lambda: "anna")
    host = socket.gethostname()
    leaks = [
        f"the key {KEY} was refused", "/home/anna/.config/asound.conf", f"{host}: name", "login of anna failed",
        "connect to 192.168.1.77 failed", "route to fd00::1234:5 lost", "host anna-and-bob.example.net is away",
        "/root/speakerd.yaml:3", "bluez_source.F4:4E:FC:01:02:03",
    ]  # fmt: skip
    ill = [Check("x", 5, lambda: [problem("x", leak, leak, leak, text=leak) for leak in leaks])]
    monkeypatch.setattr(visit_module, "checks", lambda *_arguments, **_more: ill)
    told = []
    findings = examine(
        Config(realtime=Realtime(url=URL)), ApiKey(KEY, "a test"), {"HOME": "/home/anna"}, told=told.append
    )
    assert told == findings
    text = as_json(findings) + "\n".join(line for finding in findings for line in lines(finding))
    for secret in (KEY, "anna", "/home", "/root", host, "192.168", "fd00", "example.net", "F4:4E"):
        assert secret not in text, secret
    assert len(json.loads(as_json(findings))["findings"]) == len(leaks)


@pytest.mark.parametrize("url", ["wss://api.openai.com/v1/realtime", "ws://localhost:8000/v1/realtime"])
def test_a_public_name_is_shown(url):
    host = url.split("/")[2].split(":")[0]
    assert host in discretion_for(Patient(Config(realtime=Realtime(url=url)))).text(f"at {host} nobody answers")


@pytest.mark.parametrize("host", ["speakerd", "localhost"])
def test_a_machine_named_like_a_word_of_ours_spoils_no_command(host, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    command = "sudo systemctl restart speakerd; speakerd doctor; ping localhost"
    assert discretion_for(Patient(Config())).text(command) == command


def test_a_quick_visit_without_a_network_comes_to_an_end(monkeypatch, tmp_path):
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    findings = examine(Config(), ApiKey(KEY, "a test"), {}, quick=True)
    subjects = {finding.subject for finding in findings}
    assert {"python", "packages", "configuration", "key", "network", "models", "cards"} <= subjects
    assert any(finding.subject == "network" and finding.level == "problem" for finding in findings)
    assert not any("This check failed" in finding.what for finding in findings)
    assert KEY not in repr(findings)


def no_network(*_arguments, **_more):
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
