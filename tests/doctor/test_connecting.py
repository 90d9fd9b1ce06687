"""The way to the service, with real servers on this machine."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import ssl
import subprocess

import pytest
from support.model_service import ModelService

from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config, Realtime
from speakerd.doctor.connecting import Connecting
from speakerd.doctor.examination import Check, run_checks
from speakerd.doctor.finding import Level
from speakerd.doctor.patient import Patient

KEY = ApiKey("sk-right", "a test")
NEEDS_OPENSSL = pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")


def findings(url, key=KEY, **realtime):
    connecting = Connecting(Patient(Config(realtime=Realtime(url=url, **realtime)), key))
    return run_checks(
        [
            Check("network", 15, connecting.check_name, connecting.late_name),
            Check("realtime", 20, connecting.check_service),
        ]
    )


def problems(found):
    return [(finding.subject, finding.what) for finding in found if finding.level is Level.PROBLEM]


def figures(found):
    return {name: value for finding in found for name, value in finding.figures.items()}


def test_all_is_well():
    with ModelService() as service:
        found = findings(service.url())
    assert problems(found) == []
    told = " ".join(finding.what for finding in found)
    assert "The key may use the model gpt-realtime-2.1-mini." in told
    assert "The service agreed to a session" in told
    assert abs(figures(found)["skew_s"]) < 5
    assert [path.split("?")[0] for path, _ in service.asked] == ["/v1/models/gpt-realtime-2.1-mini", "/v1/realtime"]


def test_the_embedded_server_needs_nothing():
    (only,) = findings("embedded")
    assert only.level is Level.OK
    assert "no network" in only.what


@pytest.mark.parametrize(("missing", "what"), [("flite", "has no voice"), ("moonshine_voice", "has no ears")])
def test_an_embedded_server_without_voice_or_ears(monkeypatch, missing, what):
    monkeypatch.setattr(shutil, "which", lambda name, **_more: None if name == missing else f"/usr/bin/{name}")
    found_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found_spec(name))
    assert what in problems(findings("embedded"))[0][1]
    stand_in = Connecting(Patient(Config(realtime=Realtime(fallback="embedded"))))
    (finding,) = stand_in.check_stand_in()
    assert (finding.level, what in finding.what) == (Level.NOTICE, True)


def test_a_stand_in_that_is_ready():
    (finding,) = Connecting(Patient(Config(realtime=Realtime(fallback="embedded")))).check_stand_in()
    assert finding.level is Level.OK
    assert list(Connecting(Patient(Config())).check_stand_in()) == []


def test_a_refused_key():
    with ModelService(key="sk-other") as service:
        found = findings(service.url())
    assert problems(found) == [("realtime", "The service refused the key. (HTTP 401)")]
    assert "openai-api-key" in found[-1].remedy
    assert "sk-right" not in repr(found)


def test_an_unknown_model():
    with ModelService(model="gpt-realtime-9") as service:
        found = findings(service.url())
    assert problems(found) == [("realtime", "The service does not know the model gpt-realtime-2.1-mini.")]


def test_a_server_without_models_is_asked_for_a_session_alone():
    with ModelService(knows_models=False) as service:
        found = findings(service.url())
    assert problems(found) == []
    assert any("agreed to a session" in finding.what for finding in found)


def test_a_session_that_is_refused():
    with ModelService(key="sk-other", knows_models=False) as service:
        found = findings(service.url())
    ((subject, what),) = problems(found)
    assert subject == "realtime"
    assert "refused the key" in what


@pytest.mark.parametrize(
    ("ahead_s", "words"), [(3_600, "3600 s behind"), (-3_600, "3600 s ahead"), (60, "60 s behind")]
)
def test_a_wrong_clock(ahead_s, words):
    with ModelService(ahead_s=ahead_s) as service:
        found = findings(service.url())
    (clock,) = [finding for finding in found if finding.subject == "clock"]
    assert words in clock.what.replace("3599", "3600").replace("3601", "3600").replace("61", "60").replace("59", "60")
    assert clock.level is (Level.PROBLEM if abs(ahead_s) > 300 else Level.NOTICE)
    assert "timedatectl" in clock.remedy


def certify(folder):
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    paths = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *paths], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@NEEDS_OPENSSL
def test_a_certificate_that_nobody_vouches_for_and_no_key_for_it(tmp_path, monkeypatch):
    context, certificate = certify(tmp_path)
    with ModelService(tls=context) as service:
        found = findings(service.url())
        assert service.asked == [("/", "")], "a stranger is asked for the time alone"
        ((subject, what),) = problems(found)
        assert (subject, what) == ("network", "No trusted connection: self-signed certificate.")
        assert any(finding.subject == "clock" for finding in found)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusted = findings(service.url())
    assert problems(trusted) == []
    assert figures(trusted)["tls"] is True


@NEEDS_OPENSSL
def test_a_clock_that_spoils_the_certificate(tmp_path):
    context, _ = certify(tmp_path)
    with ModelService(tls=context, ahead_s=86_400.0) as service:
        found = findings(service.url())
    assert ("network", "No trusted connection: self-signed certificate, because the clock is wrong.") in problems(found)


def test_nothing_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = findings(f"ws://127.0.0.1:{taken.getsockname()[1]}/v1/realtime")
    ((subject, what),) = problems(found)
    assert subject == "network"
    assert "(connection_refused)" in what


def test_a_name_that_does_not_exist():
    found = findings("wss://speakerd-nowhere.invalid/v1/realtime")
    ((subject, what),) = problems(found)
    assert subject == "network"
    assert "(name_not_found)" in what or "(dns_failed)" in what


def test_no_network(monkeypatch):
    def unreachable(*_arguments, **_more):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    found = findings("wss://localhost/v1/realtime")
    ((subject, what),) = problems(found)
    assert subject == "network"
    assert "(network_failed)" in what


def test_a_resolver_that_hangs_is_no_name_server(monkeypatch):
    import threading

    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: release.wait(5) or [])
    connecting = Connecting(Patient(Config(), KEY))
    found = run_checks(
        [Check("network", 0.2, connecting.check_name, connecting.late_name), Check("x", 5, connecting.check_service)]
    )
    release.set()
    ((_, what),) = problems(found)
    assert "(dns_failed)" in what


def test_without_a_key_openai_is_not_asked(monkeypatch):
    monkeypatch.setattr("speakerd.doctor.probes.network.resolve", lambda _way: (3.0, "IPv4"))
    monkeypatch.setattr("speakerd.doctor.probes.network.connect", lambda _way: 20.0)
    found = findings("wss://api.openai.com/v1/realtime", key=None)
    assert [finding.subject for finding in found] == ["network"]


def test_a_proxy_is_told(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("no_proxy", "")
    found = findings("wss://speakerd-nowhere.invalid/v1/realtime", connect_timeout_s=2)
    assert found[0].level is Level.NOTICE
    assert "proxy" in found[0].what
    assert len(problems(found)) == 1
