"""`speakerd serve` as a process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time

from click.testing import CliRunner
from websockets.sync.client import connect

from speakerd.cli.serve import command
from speakerd.errors import EXIT_CONFIG


def test_it_prints_its_address_serves_and_ends_on_sigterm():
    program = "from speakerd.cli.serve import command; command()"
    with subprocess.Popen([sys.executable, "-c", program, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.fullmatch(r"listening on (ws://127\.0\.0\.1:\d+/v1/realtime)\n", line)
            assert match, line
            with connect(match.group(1) + "?model=m") as socket:
                assert json.loads(socket.recv())["session"]["model"] == "m"
                began_s = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
                assert time.monotonic() - began_s < 15, "it waits for the ears to be loaded, at most"
        finally:
            process.kill()


def test_other_hosts_than_loopback_are_refused():
    result = CliRunner().invoke(command, ["--host", "0.0.0.0"])
    assert result.exit_code == EXIT_CONFIG
    assert "loopback" in result.stderr


def test_a_taken_port_is_a_plain_error():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(command, ["--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "cannot listen on 127.0.0.1:" in result.stderr
    assert "Address already in use (another program" in result.stderr
    assert "choose another --port)" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_chat_service_that_is_no_address_is_refused():
    result = CliRunner().invoke(command, ["--chat-url", "ftp://x"])
    assert result.exit_code == 2
    assert 'Error: --chat-url: found the text "ftp://x", expected http://HOST' in result.output
    result = CliRunner().invoke(command, ["--chat-model", "x" * 201])
    assert "--chat-model: found the text" in result.output
    assert "expected text of 0 to 200 characters" in result.output


def test_a_missing_model_of_piper_is_told(tmp_path):
    result = CliRunner().invoke(command, ["--piper-model", str(tmp_path / "none.onnx")])
    assert result.exit_code == 78
    assert "piper" in result.output
