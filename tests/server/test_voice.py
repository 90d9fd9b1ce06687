"""Both voices pass the same tests: flite as it is, piper as a program with its command line, which flite speaks for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from speakerd.config.model import Server
from speakerd.errors import ConfigError, SpeakerdError
from speakerd.pcm import level_dbfs
from speakerd.server import voice as module
from speakerd.server.voice import PiperVoice, Speaks, Voice, make_voice

FAKE = f"""#!{sys.executable}
import argparse, io, os, subprocess, sys, wave
arguments = argparse.ArgumentParser()
arguments.add_argument("--model", required=True)
arguments.add_argument("--output_raw", action="store_true", required=True)
arguments.add_argument("--length_scale", type=float, default=1.0)
given = arguments.parse_args()
text = sys.stdin.readline().strip()
stretch = f"duration_stretch={{given.length_scale}}"
command = ["flite", "-voice", "rms", "--setf", stretch, "-t", text, "-o", "/dev/stdout"]
done = subprocess.run(command, capture_output=True, check=True, env={{**os.environ, "PATH": "{{path}}"}})
with wave.open(io.BytesIO(done.stdout)) as sound:
    sys.stdout.buffer.write(sound.readframes(sound.getnframes()))
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "en_US-someone-medium.onnx"
    path.write_bytes(b"not a network")
    path.with_name(f"{path.name}.json").write_text('{"audio": {"sample_rate": 16000}}')
    return path


@pytest.fixture
def piper(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], PiperVoice]:
    """`piper(program)`: a voice with that text as its executable."""

    def make(program: str = FAKE) -> PiperVoice:
        import os

        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        executable = folder / "piper"
        executable.write_text(program.replace("{path}", os.environ["PATH"]))
        executable.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return PiperVoice(model)

    return make


@pytest.fixture(params=["flite", "piper"])
def voice(request: pytest.FixtureRequest, piper: Callable[[], PiperVoice]) -> Speaks:
    return Voice("rms") if request.param == "flite" else piper()


def test_it_speaks_at_once_and_at_the_rate_asked(voice: Speaks):
    sound = voice.synthesise("It is ten past four.", 24_000)
    assert 1.0 < sound.size / 24_000 < 4.0
    assert level_dbfs(sound[:2_400]) > -60, "the silence at the front is cut"
    assert level_dbfs(sound) > -35
    assert voice.synthesise("It is ten past four.", 8_000).size == pytest.approx(sound.size / 3, abs=2)


def test_speed(voice: Speaks):
    slow, fast = (voice.synthesise("It is ten past four.", 24_000, speed).size for speed in (0.75, 1.5))
    assert 1.6 < slow / fast < 2.2


@pytest.mark.parametrize("text", ["", "-v", "--model x", "\x00\n", "ü…€漢", "`reboot` $(x) \"'"])
def test_any_text_can_be_said(voice: Speaks, text: str):
    assert voice.synthesise(text, 24_000).size > 0


@pytest.mark.parametrize("program", ["#!/bin/sh\nexit 3\n", "not a program"])
def test_a_program_that_fails(piper: Callable[[str], PiperVoice], program: str):
    with pytest.raises(SpeakerdError, match="piper failed"):
        piper(program).synthesise("Hello.", 24_000)


def test_a_program_that_hangs(piper: Callable[[str], PiperVoice], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with pytest.raises(SpeakerdError, match="TimeoutExpired"):
        piper("#!/bin/sh\nexec sleep 20\n").synthesise("Hello.", 24_000)


def test_a_program_that_says_nothing_gives_a_short_silence(piper: Callable[[str], PiperVoice]):
    assert not piper("#!/bin/sh\ncat >/dev/null\n").synthesise("Hello.", 24_000).any()


def test_what_is_missing_is_said_at_the_start(model: Path, piper: Callable[[], PiperVoice], tmp_path: Path):
    with pytest.raises(ConfigError, match="pip install piper-tts"):
        make_voice(Server(piper_model=str(model)))
    piper()
    assert isinstance(make_voice(Server(piper_model=str(model))), PiperVoice)
    with pytest.raises(ConfigError, match="is no voice of piper"):
        PiperVoice(tmp_path / "none.onnx")
    model.with_name(f"{model.name}.json").write_text('{"audio": 5}')
    with pytest.raises(ConfigError, match="is no voice of piper"):
        PiperVoice(model)
    assert isinstance(make_voice(Server()), Voice)
