"""The voice: a program that says a sentence, flite or piper."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr

from speakerd.config.model import Server
from speakerd.errors import ConfigError, SpeakerdError
from speakerd.pcm import Samples, from_bytes

MAX_SENTENCE_CHARS = 1_000
TIMEOUT_S = 20.0
_LEAD_S = 0.03
_TAIL_S = 0.25


class Speaks(Protocol):
    """Thread-safe; `synthesise` blocks."""

    def synthesise(self, text: str, rate_hz: int, speed: float = 1.0) -> Samples:
        """The sentence as int16 mono at `rate_hz`; `speed` 1 is normal, 1.5 is faster. SpeakerdError if it fails."""


def make_voice(config: Server) -> Speaks:
    """The voice that the configuration asks for. ConfigError when its program, or its model, is missing."""
    return PiperVoice(Path(config.piper_model)) if config.piper_model else Voice(config.voice)


class Voice:
    """Flite. `synthesise` takes some 20-50 ms a sentence."""

    def __init__(self, name: str) -> None:
        """`name`: a voice of flite. ConfigError when flite is not installed."""
        program = shutil.which("flite")
        if program is None:
            raise ConfigError("the embedded server has no voice: flite is not installed", hint="apt install flite")
        self._program = program
        self._name = name

    def synthesise(self, text: str, rate_hz: int, speed: float = 1.0) -> Samples:
        """The sentence as int16 mono at `rate_hz`; `speed` 1 is normal, 1.5 is faster. SpeakerdError if it fails."""
        stretch = ["--setf", f"duration_stretch={1.0 / speed:.3f}"]
        command = [self._program, "-voice", self._name, *stretch, "-t", _sayable(text), "-o", "/dev/stdout"]
        try:
            with wave.open(io.BytesIO(_output(command))) as sound:
                own_rate_hz = sound.getframerate()
                samples = from_bytes(sound.readframes(sound.getnframes()))
        except (EOFError, wave.Error) as error:
            raise SpeakerdError(f"flite failed: {type(error).__name__}") from error
        return _trimmed_and_converted(samples, own_rate_hz, rate_hz)


class PiperVoice:
    """Piper: a better voice where its program and a model are there. It loads the model for every sentence."""

    def __init__(self, model: Path) -> None:
        """`model`: an .onnx file with its .onnx.json beside it. ConfigError when something is missing."""
        program = shutil.which("piper")
        if program is None:
            raise ConfigError(
                "server.piper_model is set, but the program piper is not there", hint="pip install piper-tts"
            )
        try:
            facts = json.loads(model.with_name(f"{model.name}.json").read_text(encoding="utf-8"))
            self._own_rate_hz = int(facts["audio"]["sample_rate"])
            model.open("rb").close()
        except (OSError, ValueError, KeyError, TypeError) as error:
            hint = "give the path of an .onnx file that has its .onnx.json beside it"
            raise ConfigError(f"server.piper_model: {model} is no voice of piper ({error})", hint=hint) from error
        self._command = [program, "--model", str(model), "--output_raw"]

    def synthesise(self, text: str, rate_hz: int, speed: float = 1.0) -> Samples:
        """The sentence as int16 mono at `rate_hz`; `speed` 1 is normal, 1.5 is faster. SpeakerdError if it fails."""
        command = [*self._command, "--length_scale", f"{1.0 / speed:.3f}"]
        sound = _output(command, f"{_sayable(text)}\n".encode())
        return _trimmed_and_converted(from_bytes(sound[: len(sound) // 2 * 2]), self._own_rate_hz, rate_hz)


def _sayable(text: str) -> str:
    """One line of printable characters, not longer than allowed, never nothing."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:MAX_SENTENCE_CHARS]).split()) or "."


def _output(command: Sequence[str], stdin: bytes = b"") -> bytes:
    """What the program writes."""
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=TIMEOUT_S, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        raise SpeakerdError(f"{Path(command[0]).name} failed: {type(error).__name__}") from error
    return done.stdout


def _trimmed_and_converted(samples: Samples, own_rate_hz: int, rate_hz: int) -> Samples:
    """Without the silence (0.2 s) at the front, which would only delay the answer, and with a short pause after."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 200)
    if loud.size == 0:
        return np.zeros(rate_hz // 10, dtype=np.int16)  # nothing that can be pronounced
    start = max(0, int(loud[0]) - int(_LEAD_S * own_rate_hz))
    pause = np.zeros(int(_TAIL_S * own_rate_hz), dtype=np.int16)
    trimmed = np.concatenate([samples[start : int(loud[-1]) + 1], pause])
    converted: Samples = soxr.resample(trimmed, own_rate_hz, rate_hz).astype(np.int16)
    return converted
