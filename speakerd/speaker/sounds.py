"""The earcons as the configuration asks for them: reads the user's own .wav files."""

from __future__ import annotations

import wave
from pathlib import Path

from speakerd.config.model import Sounds
from speakerd.errors import ConfigError
from speakerd.pcm import Samples, from_bytes
from speakerd.speaker.earcons import NAMES, Earcons

LONGEST_S = 5.0


def load_earcons(sounds: Sounds) -> Earcons:
    """All earcons, ready to play. Raises ConfigError for a file that cannot be used."""
    own: dict[str, tuple[Samples, int] | None] = {}
    for name in NAMES:
        choice: str = getattr(sounds, name)
        if choice == "none":
            own[name] = None
        elif choice != "default":
            own[name] = _read(name, Path(choice))
    return Earcons(sounds.level_dbfs, own)


def _read(name: str, path: Path) -> tuple[Samples, int]:
    want = "expected a .wav file, 16-bit PCM, mono, at most 5 s"
    try:
        with wave.open(str(path), "rb") as file:
            rate_hz, seconds = file.getframerate(), file.getnframes() / max(1, file.getframerate())
            if file.getsampwidth() != 2 or file.getnchannels() != 1 or not rate_hz or seconds > LONGEST_S:
                found = f"{8 * file.getsampwidth()}-bit, {file.getnchannels()} channels, {seconds:.1f} s"
                raise ConfigError(f"sounds.{name}: found {path} ({found}), {want}")
            return from_bytes(file.readframes(file.getnframes())), rate_hz
    except (OSError, EOFError, wave.Error, RuntimeError) as error:  # RuntimeError: its sizes contradict each other
        raise ConfigError(f"sounds.{name}: found {path} ({str(error) or 'it ends too early'}), {want}") from error
