from __future__ import annotations

import shutil
import struct
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from speakerd.cli import recording
from speakerd.cli.recording import RecordingError, read_blocks
from speakerd.pcm import Samples

needs_flac = pytest.mark.skipif(shutil.which("flac") is None, reason="needs the program flac, which is optional")


def tone(rate_hz: int, seconds: float = 1.0, hz: float = 1000.0) -> np.ndarray:
    """A sine of half full scale, float64."""
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def pcm_bytes(sound: np.ndarray, sample_bytes: int) -> bytes:
    whole = np.rint(sound * (2 ** (8 * sample_bytes - 1) - 1)).astype("<i8")
    return whole.reshape(-1, 1).view(np.uint8)[:, :sample_bytes].tobytes()


def write_wav(path: Path, data: bytes, *, rate_hz: int = 16_000, channels: int = 1, sample_bytes: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(sample_bytes)
        file.setframerate(rate_hz)
        file.writeframes(data)
    return path


def riff(fmt: bytes, data: bytes, *, data_size: int | None = None, before: bytes = b"") -> bytes:
    chunks = before + b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"data" + struct.pack("<I", len(data) if data_size is None else data_size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def pcm_format(tag: int = 1, channels: int = 1, rate_hz: int = 16_000, bits: int = 16) -> bytes:
    block = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * block, block, bits)


def read(path: Path) -> Samples:
    return np.concatenate([np.zeros(0, np.int16), *read_blocks(path)])


def assert_is_the_tone(sound: Samples, amplitude: float = 0.5) -> None:
    assert len(sound) == pytest.approx(16_000, abs=2)
    middle = sound[2_000:14_000] / 32768
    expected = np.sqrt(np.mean(np.square(middle)))
    assert expected == pytest.approx(amplitude / np.sqrt(2), rel=0.01)
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.argmax(spectrum) * 16_000 / len(middle) == pytest.approx(1000, abs=2)


@pytest.mark.parametrize("sample_bytes", [2, 3, 4])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_any_rate_and_width_becomes_16_khz_int16(tmp_path: Path, rate_hz: int, sample_bytes: int) -> None:
    data = pcm_bytes(tone(rate_hz), sample_bytes)
    sound = read(write_wav(tmp_path / "tone.wav", data, rate_hz=rate_hz, sample_bytes=sample_bytes))
    assert sound.dtype == np.int16
    assert_is_the_tone(sound)


def test_what_is_right_already_is_not_touched(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(-32768, 32768, 200_001).astype(np.int16)
    np.testing.assert_array_equal(read(write_wav(tmp_path / "noise.wav", noise.tobytes())), noise)


def test_channels_are_averaged(tmp_path: Path) -> None:
    both = np.stack([tone(48_000), np.zeros(48_000)], axis=1).reshape(-1)
    path = write_wav(tmp_path / "stereo.wav", pcm_bytes(both, 2), rate_hz=48_000, channels=2)
    assert_is_the_tone(read(path), amplitude=0.25)


def test_full_scale_does_not_wrap(tmp_path: Path) -> None:
    square = np.tile(np.repeat([1.0, -1.0], 40), 600)
    sound = read(write_wav(tmp_path / "square.wav", pcm_bytes(square, 2), rate_hz=48_000)).astype(int)
    assert np.abs(np.diff(sound)).max() < 65_000
    assert sound.max() == 32_767
    assert sound.min() == -32_768


def test_the_extensible_form_and_unknown_chunks_are_read(tmp_path: Path) -> None:
    extensible = pcm_format(0xFFFE, bits=24) + struct.pack("<HHIH", 22, 24, 4, 1) + bytes(14)
    path = tmp_path / "extensible.wav"
    path.write_bytes(riff(extensible, pcm_bytes(tone(16_000), 3), before=b"LIST" + struct.pack("<I", 5) + b"abcde\0"))
    assert_is_the_tone(read(path))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 1 << 30])
def test_a_length_that_was_never_filled_in_means_to_the_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "piped.wav"
    path.write_bytes(riff(pcm_format(), pcm_bytes(tone(16_000), 2) + b"\x01", data_size=size))
    assert_is_the_tone(read(path))


def test_an_empty_recording_is_no_sound(tmp_path: Path) -> None:
    assert len(read(write_wav(tmp_path / "empty.wav", b""))) == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "neither WAV nor FLAC"),
        (b"ID3\x04 some other thing", "neither WAV nor FLAC"),
        (b"RIFF\x04\0\0\0AVI ", "not a WAV file"),
        (b"RIFF\x04\0\0\0WAVE", "without sound"),
        (b"RIFF\x04\0\0\0WAVEdata\x04\0\0\0abcd", "without sound"),
        (riff(b"\1\0", b"abcd"), "a broken WAV file"),
        (riff(pcm_format(bits=8), b"abcd"), "8 bits"),
        (riff(pcm_format(3, bits=32), b"abcd"), "format 3, 32 bits"),
        (riff(pcm_format(6, bits=8), b"abcd"), "format 6"),
        (riff(pcm_format(bits=12), b"abcd"), "12 bits"),
        (riff(pcm_format(channels=0), b"abcd"), "0 channels"),
        (riff(pcm_format(rate_hz=0), b"abcd"), "at 0 Hz"),
        (b"fLaC" + bytes(100), "FLAC"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "some.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=reason) as error:
        read(path)
    assert "some.wav" in str(error.value)


def test_a_missing_file_and_a_folder_are_errors_too(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        read(tmp_path / "gone.wav")
    with pytest.raises(RecordingError, match="Is a directory"):
        read(tmp_path)


def test_flac_without_its_program_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording.shutil, "which", lambda name: None)
    path = tmp_path / "some.flac"
    path.write_bytes(b"fLaC")
    with pytest.raises(RecordingError, match="apt install flac"):
        read(path)


@pytest.fixture
def flac_file(tmp_path: Path) -> Path:
    """One second of noise, so that it is long enough to be cut."""
    noise = np.random.default_rng(4).integers(-20_000, 20_000, 16_000).astype(np.int16)
    wav = write_wav(tmp_path / "noise.wav", noise.tobytes())
    subprocess.run(["flac", "--silent", "-o", str(tmp_path / "noise.flac"), str(wav)], check=True)
    return tmp_path / "noise.flac"


@needs_flac
def test_flac_is_read(flac_file: Path) -> None:
    np.testing.assert_array_equal(read(flac_file), read(flac_file.with_suffix(".wav")))


@needs_flac
def test_a_damaged_flac_is_an_error_after_what_is_whole(flac_file: Path) -> None:
    content = flac_file.read_bytes()
    flac_file.write_bytes(content[: len(content) // 2])
    got = []
    with pytest.raises(RecordingError, match="damaged"):
        got += list(read_blocks(flac_file))
    blocks = read_blocks(flac_file)
    assert len(next(blocks)) > 0


@needs_flac
def test_a_reader_that_stops_early_leaves_no_process(flac_file: Path) -> None:
    blocks = read_blocks(flac_file)
    next(blocks)
    blocks.close()  # hangs, or warns of an open pipe, if the decoder is not ended
