"""The voice: flite, as a program."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave

import numpy as np
import soxr

from speakerd.errors import ConfigError, SpeakerdError
from speakerd.pcm import Samples, from_bytes

MAX_SENTENCE_CHARS = 1_000
TIMEOUT_S = 20.0
_LEAD_S = 0.03
_TAIL_S = 0.25


class Voice:
    """Thread-safe; `synthesise` blocks for some 20-50 ms a sentence."""

    def __init__(self, name: str) -> None:
        """`name`: a voice of flite. ConfigError when flite is not installed."""
        program = shutil.which("flite")
        if program is None:
            raise ConfigError("the embedded server has no voice: flite is not installed", hint="apt install flite")
        self._program = program
        self._name = name

    def synthesise(self, text: str, rate_hz: int, speed: float = 1.0) -> Samples:
        """The sentence as int16 mono at `rate_hz`; `speed` 1 is normal, 1.5 is faster."""
        said = " ".join("".join(c if c.isprintable() else " " for c in text[:MAX_SENTENCE_CHARS]).split()) or "."
        stretch = ["--setf", f"duration_stretch={1.0 / speed:.3f}"]
        command = [self._program, "-voice", self._name, *stretch, "-t", said, "-o", "/dev/stdout"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=True)
            with wave.open(io.BytesIO(done.stdout)) as sound:
                own_rate_hz = sound.getframerate()
                samples = from_bytes(sound.readframes(sound.getnframes()))
        except (subprocess.SubprocessError, OSError, EOFError, wave.Error) as error:
            raise SpeakerdError(f"flite failed: {type(error).__name__}") from error
        resampled: Samples = soxr.resample(_trimmed(samples, own_rate_hz), own_rate_hz, rate_hz).astype(np.int16)
        return resampled


def _trimmed(samples: Samples, rate_hz: int) -> Samples:
    """Without flite's silence (0.2 s) at the front, which would only delay the answer, and with a short pause after."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 200)
    if loud.size == 0:
        return np.zeros(rate_hz // 10, dtype=np.int16)  # nothing that can be pronounced
    start = max(0, int(loud[0]) - int(_LEAD_S * rate_hz))
    pause = np.zeros(int(_TAIL_S * rate_hz), dtype=np.int16)
    return np.concatenate([samples[start : int(loud[-1]) + 1], pause])
