"""`speakerd check`: mistakes or a summary, and the exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from speakerd.cli.check import command
from speakerd.config.keys import children

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "speakerd.yaml"
NO_KEY = {"OPENAI_API_KEY": None, "CREDENTIALS_DIRECTORY": None}


def check(*args: str | Path, **environ: str) -> Result:
    result = CliRunner().invoke(command, [str(arg) for arg in args], env={**NO_KEY, **environ})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_shipped_file_is_good_and_summed_up() -> None:
    result = check("--config", SHIPPED)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"{SHIPPED}: ok",
        "microphone: default, 16000 Hz, channel 0",
        "loudspeaker: default, 48000 Hz",
        "wake words: hey_jarvis (threshold 0.5)",
        "service: wss://api.openai.com/v1/realtime, model gpt-realtime-2.1-mini, voice marin",
        "interruption by: speech",
        "API key: warning: none found, and api.openai.com needs one "
        "(systemd credential openai-api-key, or environment variable OPENAI_API_KEY)",
    ]


def test_without_a_file_the_environment_alone_is_checked() -> None:
    result = check(SPEAKERD_REALTIME__URL="embedded", SPEAKERD_WAKE__WORDS="[{model: alexa, threshold: 0.25}]")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "defaults: ok"
    assert "wake words: alexa (threshold 0.25)" in lines
    assert "service: the embedded server, no network" in lines
    assert not [line for line in lines if line.startswith("while it cannot be reached")]


def test_every_mistake_is_printed_and_the_status_is_78(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("audio:\n  volume_percent: 200\n  capture_devise: x\nsounds: {wake: /nowhere.wav}\n")
    result = check("--config", path, SPEAKERD_LOG__LEVEL="loud", OPENAI_API_KEY="ge heim")
    assert result.exit_code == 78
    starts = [
        f"{path}:2: audio.volume_percent: found 200, expected a whole number from 0 to 100 (percent)",
        f"{path}:3: audio.capture_devise: found a key that does not exist",
        f"{path}:4: sounds.wake: found the text",
        'environment: SPEAKERD_LOG__LEVEL: log.level: found the text "loud", expected debug, info, warning or error',
        "environment: OPENAI_API_KEY: found a quote, a space, a line break or",
    ]
    lines = result.output.splitlines()
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start)
    assert "heim" not in result.output


@pytest.mark.parametrize("name", ["", "none.yaml", "x\ny.yaml", "x" * 300])
def test_paths_that_are_no_file(tmp_path: Path, name: str) -> None:
    result = check("--config", tmp_path / name)
    assert result.exit_code == 78
    assert len(result.output.splitlines()) == 1


def test_prices_that_cannot_be_read_are_a_mistake(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("my-model: {text: {in: dear}}\n")
    result = check(SPEAKERD_PURSE__PRICES=str(prices))
    assert result.exit_code == 78
    assert "my-model.text.in" in result.output


@pytest.mark.parametrize("how", ["url: embedded", "fallback: embedded", "fallback: none"])
def test_a_voice_of_piper_that_is_not_there_is_a_mistake_where_it_is_used(tmp_path: Path, how: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"realtime: {{{how}}}\nserver: {{piper_model: {tmp_path}/none.onnx}}\n")
    result = check("--config", path)
    used = how != "fallback: none"
    assert result.exit_code == (78 if used else 0)
    assert result.output.startswith("server.piper_model") is used


def test_a_sound_that_cannot_be_played_is_a_mistake(tmp_path: Path) -> None:
    sound = tmp_path / "x.wav"
    sound.write_bytes(b"no sound")
    path = tmp_path / "c.yaml"
    path.write_text(f"sounds: {{wake: {sound}}}\n")
    result = check("--config", path)
    assert result.exit_code == 78
    assert result.output.startswith(f"sounds.wake: found {sound} (file does not start with RIFF id), expected a .wav")
    sound.write_bytes(b"")
    assert check("--config", path).output.startswith(f"sounds.wake: found {sound} (it ends too early), expected a .wav")
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    assert check("--config", path).exit_code == 0


@pytest.mark.parametrize(
    ("url", "environ", "note"),
    [
        ("wss://api.openai.com/v1/realtime", {}, "warning: none found, and api.openai.com needs one"),
        ("wss://api.openai.com/v1/realtime", {"OPENAI_API_KEY": "sk-geheim1"}, "found in environment: OPENAI_API_KEY"),
        ("embedded", {}, "none found; that is fine if the server needs none"),
        ("ws://127.0.0.1:9/", {"OPENAI_API_KEY": "sk-geheim1"}, "found in environment: OPENAI_API_KEY"),
        ("ws://example.org/", {"OPENAI_API_KEY": "sk-geheim1"}, "not sent, because ws:// to another machine is open"),
    ],
)
def test_whether_there_is_a_key_is_a_note(url: str, environ: dict[str, str], note: str) -> None:
    result = check(SPEAKERD_REALTIME__URL=url, **environ)
    assert result.exit_code == 0
    last = result.output.splitlines()[-1]
    assert last.startswith("API key: ")
    assert note in last
    assert "geheim" not in result.output


def test_a_secret_in_the_url_is_not_printed() -> None:
    result = check(SPEAKERD_REALTIME__URL="wss://example.org/?api_key=geheim")
    assert result.exit_code == 0
    assert "service: wss://example.org/?api_key=***, model" in result.output


def test_the_schema_is_for_editors() -> None:
    result = check("--schema")
    assert result.exit_code == 0
    schema = json.loads(result.output)
    assert list(schema["properties"]) == children(())
    assert schema["$defs"]["Audio"]["additionalProperties"] is False
    assert schema["$defs"]["Audio"]["properties"]["volume_percent"]["maximum"] == 100
    assert "percent" in schema["$defs"]["Audio"]["properties"]["volume_percent"]["description"]


def test_the_real_command_on_a_terminal_that_only_knows_ascii(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("log: {level: lärm…}\n", encoding="utf-8")
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "speakerd", "check", "--config", path],
        env=environ,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 78
    assert done.stderr == b""
    assert done.stdout.startswith(bytes(path) + b':1: log.level: found the text "l\\xe4rm\\u2026", expected debug')


def test_no_command_dies_of_a_letter_that_the_terminal_lacks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "speakerd", "--help"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"mute, volume \u2026" in done.stdout


def test_a_file_that_may_not_be_read_is_a_mistake_in_the_configuration(tmp_path: Path, monkeypatch):
    path = tmp_path / "c.yaml"
    path.write_text("")
    monkeypatch.setattr(os, "access", lambda *_args, **_kwargs: False)  # root may read everything
    monkeypatch.setattr(
        os, "open", lambda *_args, **_kwargs: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
    )
    done = CliRunner().invoke(command, ["--config", str(path)])
    assert done.exit_code == 78
    assert "Permission denied" in done.output
