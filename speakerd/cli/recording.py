"""Reads recordings as the microphone side wants them: int16 mono 16 kHz, block by block.

WAV is read here (PCM of 16, 24 or 32 bits, also in the extensible form that the standard library refuses
before Python 3.12), FLAC by the program `flac` where that is installed.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import soxr
from numpy.typing import NDArray

from speakerd.errors import SpeakerdError
from speakerd.pcm import NEAR_RATE_HZ, Samples

_BLOCK_FRAMES = 65_536
_PCM, _EXTENSIBLE = 1, 0xFFFE
_SAMPLE_BYTES = (2, 3, 4)


@dataclass(frozen=True, slots=True)
class _WavFormat:
    rate_hz: int
    channels: int
    sample_bytes: int


class RecordingError(SpeakerdError):
    """A recording that cannot be read."""


def read_blocks(path: Path) -> Iterator[Samples]:
    """The sound of `path` in blocks of any length; several channels are averaged. Raises RecordingError."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            file.seek(0)
            if magic == b"RIFF":
                yield from _read_wav(path, file)
            elif magic == b"fLaC":
                yield from _read_flac(path)
            else:
                raise RecordingError(f"{path}: neither WAV nor FLAC")
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error


def _read_wav(path: Path, file: IO[bytes]) -> Iterator[Samples]:
    form, data_bytes = _wav_header(path, file)
    frame_bytes = form.channels * form.sample_bytes

    def blocks() -> Iterator[NDArray[Any]]:
        left = data_bytes
        while left >= frame_bytes and (data := file.read(min(left, _BLOCK_FRAMES * frame_bytes))):
            left -= len(data)
            yield _decode(data[: len(data) // frame_bytes * frame_bytes], form)

    yield from _to_near(blocks(), form.rate_hz)


def _wav_header(path: Path, file: IO[bytes]) -> tuple[_WavFormat, int]:
    """The format and the length of the data in bytes; `file` then stands at the first sample."""
    riff = file.read(12)
    if riff[8:12] != b"WAVE":
        raise RecordingError(f"{path}: not a WAV file")
    form: _WavFormat | None = None
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", header)
        if name == b"data":
            if form is None:
                break
            # A recorder that was cut short, or wrote to a pipe, leaves 0 or 2³²−1: then all that follows is sound.
            return form, size if 0 < size < 0xFFFFFFFF else 1 << 62
        if name == b"fmt ":
            form = _wav_format(path, file.read(size + size % 2))
        else:
            file.read(size + size % 2)  # not seek: it may be a pipe
    raise RecordingError(f"{path}: a WAV file without sound")


def _wav_format(path: Path, chunk: bytes) -> _WavFormat:
    if len(chunk) < 16:
        raise RecordingError(f"{path}: a broken WAV file")
    tag, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack("<H", chunk[24:26])[0]
    if tag != _PCM or bits % 8 or bits // 8 not in _SAMPLE_BYTES:
        raise RecordingError(
            f"{path}: WAV samples of format {tag}, {bits} bits", hint="convert it to 16-, 24- or 32-bit PCM"
        )
    if not 1 <= channels <= 256 or not 1_000 <= rate_hz <= 1_000_000:
        raise RecordingError(f"{path}: {channels} channels at {rate_hz} Hz")
    return _WavFormat(rate_hz, channels, bits // 8)


def _decode(data: bytes, form: _WavFormat) -> NDArray[Any]:
    """Little-endian bytes to (frames, channels): int16, or float32 of ±1 for longer samples."""
    if form.sample_bytes == 2:
        return np.frombuffer(data, "<i2").reshape(-1, form.channels)
    if form.sample_bytes == 3:  # into the upper three bytes of four
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data = wide.tobytes()
    return (np.frombuffer(data, "<i4") / 2.0**31).astype(np.float32).reshape(-1, form.channels)


def _read_flac(path: Path) -> Iterator[Samples]:
    program = shutil.which("flac")
    if program is None:
        raise RecordingError(f"{path}: FLAC is optional", hint="convert it to WAV, or apt install flac")
    call = [program, "--decode", "--stdout", "--silent", "--", str(path)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as decoder:
        assert decoder.stdout is not None
        try:
            yield from _read_wav(path, decoder.stdout)
        except RecordingError as error:
            raise RecordingError(f"{path}: a broken FLAC file") from error
        except GeneratorExit:
            decoder.kill()  # a reader that stops early must not leave it blocked on the pipe
            raise
        if decoder.wait() != 0:
            raise RecordingError(f"{path}: a damaged FLAC file, read up to the damage")


def _to_near(blocks: Iterator[NDArray[Any]], rate_hz: int) -> Iterator[Samples]:
    """Blocks of (frames, channels), int16 or float32 of ±1, to int16 mono 16 kHz; untouched if they are that."""
    resampler = soxr.ResampleStream(rate_hz, NEAR_RATE_HZ, 1, dtype="float32") if rate_hz != NEAR_RATE_HZ else None
    for block in blocks:
        if resampler is None and block.dtype == np.int16 and block.shape[1] == 1:
            yield block[:, 0]
            continue
        scale = 1.0 if block.dtype == np.int16 else 32768.0
        mono = block.mean(axis=1, dtype=np.float32) * np.float32(scale)
        yield _rounded(resampler.resample_chunk(mono) if resampler else mono)
    if resampler is not None:
        yield _rounded(resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _rounded(samples: NDArray[np.float32]) -> Samples:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
