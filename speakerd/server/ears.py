"""The ears: Moonshine tiny (English), offline; its model comes inside the package."""

from __future__ import annotations

import importlib.util
import threading
from typing import Any

import numpy as np
import soxr

from speakerd.errors import ConfigError
from speakerd.pcm import NEAR_RATE_HZ, Samples

MAX_TURN_S = 60


class Ears:
    """Thread-safe; blocks. One turn at a time: the model uses the cores by itself."""

    def __init__(self) -> None:
        """Does not load anything yet; ConfigError when the package is not installed."""
        if importlib.util.find_spec("moonshine_voice") is None:
            hint = "script/install brings it; else pip install moonshine-voice==0.1.0"
            raise ConfigError("the embedded server has no ears: moonshine-voice is not installed", hint=hint)
        self._lock = threading.Lock()
        self._model: Any = None

    def load(self) -> None:
        """Load the model (0.2-0.9 s) unless it is."""
        with self._lock:
            self._load()

    def transcribe(self, samples: Samples, rate_hz: int) -> str:
        """The words in a turn, "" if there are none; only its last minute is heard."""
        near = soxr.resample(samples[-MAX_TURN_S * rate_hz :], rate_hz, NEAR_RATE_HZ)
        # Moonshine guesses wrongly at words that touch the end of the sound.
        near = np.pad(near, (0, NEAR_RATE_HZ * 3 // 10))
        sound = (near.astype(np.float32) / 32768.0).tolist()
        with self._lock:
            self._load()
            transcript = self._model.transcribe_without_streaming(sound, NEAR_RATE_HZ)
        text = " ".join(line.text.strip() for line in transcript.lines if line.text.strip())
        return text.lstrip("?!., ")

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            if self._model is not None:
                self._model.close()
                self._model = None

    def _load(self) -> None:
        if self._model is not None:
            return
        from moonshine_voice import ModelArch, Transcriber, get_model_path  # an optional extra

        options = {"return_audio_data": "false", "vad_threshold": "0.4"}
        self._model = Transcriber(get_model_path("tiny-en"), ModelArch.TINY, options=options)
