from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerd.cli.recording import RecordingError, read_blocks
from speakerd.pcm import Samples

WHOLE_FLAC_FRAMES = 4096
"""libFLAC encodes in blocks of so many at 16 kHz."""


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


def assert_is_the_tone(sound: Samples, amplitude: float = 0.5, tolerance: float = 0.01) -> None:
    assert len(sound) == pytest.approx(16_000, abs=2)
    middle = sound[2_000:14_000] / 32768
    expected = np.sqrt(np.mean(np.square(middle)))
    assert expected == pytest.approx(amplitude / np.sqrt(2), rel=tolerance)
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.argmax(spectrum) * 16_000 / len(middle) == pytest.approx(1000, abs=2)


@pytest.mark.parametrize("sample_bytes", [2, 3, 4])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_any_rate_and_width_becomes_16_khz_int16(tmp_path: Path, rate_hz: int, sample_bytes: int) -> None:
    data = pcm_bytes(tone(rate_hz), sample_bytes)
    sound = read(write_wav(tmp_path / "tone.wav", data, rate_hz=rate_hz, sample_bytes=sample_bytes))
    assert sound.dtype == np.int16
    assert_is_the_tone(sound)


@pytest.mark.parametrize("name", ["noise.wav", "noise.flac", "noise.aiff"])
def test_what_is_right_already_is_not_touched(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(1).integers(-32768, 32768, 200_001).astype(np.int16)
    noise[:65536] = np.arange(-32768, 32768)
    soundfile.write(tmp_path / name, noise, 16_000, subtype="PCM_16")
    sound = read(tmp_path / name)
    assert sound.dtype == np.int16
    np.testing.assert_array_equal(sound, noise)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
@pytest.mark.parametrize(
    ("name", "subtype"),
    [("t.flac", "PCM_24"), ("t.ogg", "VORBIS"), ("t.mp3", "MPEG_LAYER_III"), ("t.wav", "FLOAT"), ("t.wav", "ULAW")],
)
def test_any_usual_format_is_read(tmp_path: Path, name: str, subtype: str, rate_hz: int) -> None:
    soundfile.write(tmp_path / name, tone(rate_hz), rate_hz, subtype=subtype)
    assert_is_the_tone(read(tmp_path / name), tolerance=0.05)  # the lossy ones hit the level roughly


def test_the_content_counts_not_the_name(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "tone.raw", pcm_bytes(tone(16_000), 2))
    assert_is_the_tone(read(path))


def test_channels_are_averaged(tmp_path: Path) -> None:
    both = np.stack([tone(48_000), np.zeros(48_000)], axis=1).reshape(-1)
    path = write_wav(tmp_path / "stereo.wav", pcm_bytes(both, 2), rate_hz=48_000, channels=2)
    assert_is_the_tone(read(path), amplitude=0.25)


def test_finer_samples_are_rounded_to_the_nearest(tmp_path: Path) -> None:
    fine = np.array([64, 192, -64, -192, 2**23 - 1, -(2**23)], "<i4")  # in 256ths
    path = write_wav(tmp_path / "fine.wav", fine.view(np.uint8).reshape(-1, 4)[:, :3].tobytes(), sample_bytes=3)
    np.testing.assert_array_equal(read(path), [0, 1, 0, -1, 32_767, -32_768])


def test_full_scale_does_not_wrap(tmp_path: Path) -> None:
    square = np.tile(np.repeat([1.0, -1.0], 40), 600)
    sound = read(write_wav(tmp_path / "square.wav", pcm_bytes(square, 2), rate_hz=48_000)).astype(int)
    assert np.abs(np.diff(sound)).max() < 65_000
    assert sound.max() == 32_767
    assert sound.min() == -32_768


def test_the_extensible_form_and_unknown_chunks_are_read(tmp_path: Path) -> None:
    guid_tail = bytes.fromhex("000000001000800000aa00389b71")
    extensible = pcm_format(0xFFFE, bits=24) + struct.pack("<HHIH", 22, 24, 4, 1) + guid_tail
    path = tmp_path / "extensible.wav"
    path.write_bytes(riff(extensible, pcm_bytes(tone(16_000), 3), before=b"LIST" + struct.pack("<I", 5) + b"abcde\0"))
    assert_is_the_tone(read(path))


@pytest.mark.parametrize("size", [0xFFFFFFFF, 1 << 30])
def test_a_length_that_was_never_filled_in_means_to_the_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "piped.wav"
    path.write_bytes(riff(pcm_format(), pcm_bytes(tone(16_000), 2) + b"\x01", data_size=size))
    assert_is_the_tone(read(path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Format not recognised (expected a recording in WAV, FLAC"),
        (b"ID3\x04 some other thing", "Format not recognised"),
        (b"RIFF\x04\0\0\0AVI ", "Format not recognised"),
        (b"RIFF\x04\0\0\0WAVE", "No 'data' chunk"),
        (riff(b"\1\0", b"abcd"), "Short 'fmt ' chunk"),
        (riff(pcm_format(0x1234), b"abcd"), "cannot be read: "),
        (riff(pcm_format(channels=0), b"abcd"), "cannot be read: "),
        (riff(pcm_format(rate_hz=0), b"abcd"), "cannot be read"),
        (riff(pcm_format(rate_hz=1), b"abcd"), "sound at 1 Hz (expected 1000 to 1000000 Hz)"),
        (riff(pcm_format(rate_hz=2_000_000), b"abcd"), "sound at 2000000 Hz"),
        (riff(pcm_format(), b""), "WAV of length 0 (expected a recording; was the recorder cut short"),
        (riff(pcm_format(), b"abcd", data_size=0), "WAV of length 0"),
        (b"fLaC" + bytes(100), "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "some.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as error:
        read(path)
    assert reason in str(error.value)
    assert str(error.value).startswith(f"{path}: ")


def test_a_missing_file_and_a_folder_are_errors_too(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        read(tmp_path / "gone.wav")
    with pytest.raises(RecordingError, match="Is a directory"):
        read(tmp_path)


@pytest.fixture
def noise() -> Samples:
    """One second and a bit, which is no whole number of blocks of any kind."""
    return np.random.default_rng(4).integers(-20_000, 20_000, 16_001).astype(np.int16)


@pytest.fixture
def flac(tmp_path: Path, noise: Samples) -> Path:
    soundfile.write(tmp_path / "noise.flac", noise, 16_000)
    return tmp_path / "noise.flac"


def read_until_damage(path: Path) -> tuple[Samples, str]:
    """What came before the error, and the error."""
    blocks = [np.zeros(0, np.int16)]
    with pytest.raises(RecordingError) as error:
        blocks.extend(read_blocks(path))  # keeps those before the error
    return np.concatenate(blocks), str(error.value)


def open_files(path: Path) -> int:
    """How many descriptors of this process lead to `path`."""
    return sum(link.resolve() == path for link in Path("/proc/self/fd").iterdir())


def test_a_flac_cut_short_is_read_up_to_the_damage(flac: Path, noise: Samples) -> None:
    content = flac.read_bytes()
    flac.write_bytes(content[: len(content) // 2])
    sound, error = read_until_damage(flac)
    assert len(sound) == WHOLE_FLAC_FRAMES
    np.testing.assert_array_equal(sound, noise[: len(sound)])
    assert f"{flac}: FLAC damaged after 0.26 s (" in error


def test_a_flac_with_a_wrong_byte_is_read_up_to_the_damage(flac: Path, noise: Samples) -> None:
    content = bytearray(flac.read_bytes())
    content[len(content) * 5 // 8] ^= 0xFF
    flac.write_bytes(content)
    sound, error = read_until_damage(flac)
    assert len(sound) == 2 * WHOLE_FLAC_FRAMES
    np.testing.assert_array_equal(sound, noise[: len(sound)])
    assert "FLAC damaged after 0.51 s" in error


def test_an_mp3_cut_short_is_damaged_too_though_its_decoder_does_not_mind(tmp_path: Path) -> None:
    path = tmp_path / "tone.mp3"
    soundfile.write(path, tone(16_000), 16_000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    sound, error = read_until_damage(path)
    assert len(sound) > 4_000
    assert "MP3 damaged after 0." in error


def test_a_flac_whose_length_nobody_wrote_down_is_read_to_its_end(flac: Path, noise: Samples) -> None:
    """As it is when the encoder wrote to a pipe: 36 bits of zeros."""
    content = bytearray(flac.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    flac.write_bytes(content)
    assert soundfile.info(flac).frames > len(noise)
    np.testing.assert_array_equal(read(flac), noise)


def test_a_tag_behind_the_sound_is_no_damage(flac: Path, noise: Samples) -> None:
    flac.write_bytes(flac.read_bytes() + b"TAG" + bytes(125))
    np.testing.assert_array_equal(read(flac), noise)


def test_a_reader_that_stops_early_leaves_no_open_file(flac: Path) -> None:
    blocks = read_blocks(flac)
    next(blocks)
    assert open_files(flac) == 1
    blocks.close()
    assert open_files(flac) == 0
