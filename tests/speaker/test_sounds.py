"""The user's own earcons."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from speakerd.config.model import Sounds
from speakerd.errors import ConfigError
from speakerd.speaker.sounds import load_earcons


def write(path: Path, *, rate_hz: int = 48_000, seconds: float = 0.2, channels: int = 1, width: int = 2) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(b"\x10\x20\x30\x40"[:width] * round(rate_hz * seconds) * channels)
    return str(path)


def test_a_file_of_ones_own_replaces_the_default_and_none_silences(tmp_path: Path):
    earcons = load_earcons(Sounds(wake=write(tmp_path / "ding.wav"), error="none")).at_rate(48_000)
    assert earcons["wake"].size == 9_600
    assert np.all(earcons["wake"] == 0x2010)
    assert earcons["error"].size == 0
    assert earcons["goodbye"].size > 0


@pytest.mark.parametrize(
    "wrong", [{"channels": 2}, {"width": 1}, {"seconds": 5.5}], ids=["stereo", "8 bits", "too long"]
)
def test_what_cannot_be_an_earcon_is_refused_with_the_reason(tmp_path: Path, wrong: dict):
    path = write(tmp_path / "ding.wav", **wrong)
    with pytest.raises(ConfigError, match=r"sounds\.wake: found .*ding\.wav.*expected a \.wav file, 16-bit PCM, mono"):
        load_earcons(Sounds(wake=path))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all"])
def test_what_is_no_wav_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "ding.wav"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"sounds\.goodbye: found .*ding\.wav"):
        load_earcons(Sounds(goodbye=str(path)))


def test_a_header_without_a_rate_is_refused(tmp_path: Path):
    path = Path(write(tmp_path / "ding.wav"))
    data = bytearray(path.read_bytes())
    data[24:28] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"sounds\.wake"):
        load_earcons(Sounds(wake=str(path)))


def test_a_header_whose_sizes_contradict_each_other_is_refused(tmp_path: Path):
    path = Path(write(tmp_path / "ding.wav"))
    data = bytearray(path.read_bytes())
    data[4:8] = (60).to_bytes(4, "little")  # all of it has fewer bytes than its list of sounds, the next, says
    data[36:40] = b"LIST"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"sounds\.wake: found .*ding\.wav.*expected a \.wav file"):
        load_earcons(Sounds(wake=str(path)))
