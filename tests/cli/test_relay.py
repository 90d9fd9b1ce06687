"""`speakerd relay` as a person uses it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from speakerd.cli.relay import command
from speakerd.errors import SpeakerdError
from speakerd.relay.tokens import digest_of


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command, arguments)

    return run


def test_a_token_is_shown_once_and_kept_as_a_hash(relay, tmp_path: Path) -> None:
    secret = relay("token", "add", "kitchen", "--model", "m", "--voice", "marin", "--per-day", "0.5").stdout.strip()
    file = tmp_path / "relay" / "tokens.json"
    assert secret.startswith("spk-")
    assert secret not in file.read_text()
    assert digest_of(secret) in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    listed = relay("token", "list").output
    assert secret not in listed
    assert all(word in listed for word in ("kitchen", "models m", "voices marin", "0.5 US dollars a day"))


def test_revoking(relay) -> None:
    relay("token", "add", "kitchen")
    assert relay("token", "revoke", "kitchen").output == "kitchen is revoked.\n"
    assert "REVOKED" in relay("token", "list").output
    assert relay("token", "revoke", "kitchen").exit_code != 0
    assert relay("token", "add", "kitchen").exit_code == 0


@pytest.mark.parametrize(
    "arguments", [("add", "a b"), ("add", ""), ("add", "x", "--per-day", "-1"), ("add",), ("add", "x", "--model", "")]
)
def test_what_is_not_understood(relay, arguments: tuple[str, ...]) -> None:
    assert relay("token", *arguments).exit_code == 2


@pytest.mark.parametrize("option", ["--per-day", "--per-month"])
@pytest.mark.parametrize("usd", ["nan", "inf", "1e400"])
def test_a_limit_that_is_no_sum_does_not_get_into_the_file(relay, option: str, usd: str) -> None:
    assert relay("token", "add", "kitchen", option, usd).exit_code == 2
    assert "token add" in relay("token", "list").output


def test_the_same_name_twice(relay) -> None:
    assert relay("token", "add", "kitchen").exit_code == 0
    assert "already" in str(relay("token", "add", "kitchen").exception)


def test_no_token_yet(relay) -> None:
    assert "token add" in relay("token", "list").output


def test_redis_is_asked_where_it_is_named(relay, tmp_path: Path) -> None:
    pytest.importorskip("redis")
    (tmp_path / "c.yaml").write_text(f"relay: {{state: 'unix://{tmp_path}/none.sock'}}\n")
    for arguments in (("token", "list", "--config"), ("--config",)):
        words = [*arguments, str(tmp_path / "c.yaml")]
        result = relay(*words) if "token" in words else relay(*words, "token", "list")
        assert "Redis" in str(result.exception)


def test_a_taken_port_is_a_plain_error(relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEAKERD_REALTIME__URL", "wss://example.org/v1/realtime")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("SPEAKERD_RELAY__PORT", str(port))
        error = relay().exception
    assert isinstance(error, SpeakerdError)
    assert str(error).startswith(f"cannot listen on 127.0.0.1:{port}: Address already in use (another program")
    assert "relay.port" in str(error)


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("realtime: {url: 'ws://127.0.0.1:9/v1/realtime'}\nrelay: {port: 0}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "speakerd", "relay", "--config", str(tmp_path / "c.yaml")],
        env={**os.environ, "STATE_DIRECTORY": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        line = process.stderr.readline()
        assert "The relay listens at ws://127.0.0.1:" in line
        url = line.split("ws://")[1].split("/")[0]
        with urllib.request.urlopen(f"http://{url}/healthz", timeout=10) as answer:
            assert json.load(answer)["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="needs systemd-socket-activate")
def test_it_takes_the_socket_of_systemd(tmp_path: Path) -> None:
    """The first connection starts it, and is served by it."""
    (tmp_path / "c.yaml").write_text("realtime: {url: 'ws://127.0.0.1:9/v1/realtime'}\nrelay: {host: 192.0.2.1}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    setting = [
        f"--setenv={name}={value}" for name, value in (("STATE_DIRECTORY", tmp_path), ("PATH", os.environ["PATH"]))
    ]
    relay = [sys.executable, "-m", "speakerd", "relay", "--config", str(tmp_path / "c.yaml")]
    process = subprocess.Popen(
        ["systemd-socket-activate", f"--listen=127.0.0.1:{port}", *setting, *relay], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr
        assert "Listening on" in process.stderr.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20) as answer:
            assert json.load(answer)["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()
