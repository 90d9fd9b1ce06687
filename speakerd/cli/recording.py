"""Reads recordings as the microphone side wants them: int16 mono 16 kHz, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import soxr
from numpy.typing import NDArray
from soundfile import LibsndfileError, SoundFile

from speakerd.errors import SpeakerdError
from speakerd.pcm import NEAR_RATE_HZ, Samples

_BLOCK_FRAMES = 128
"""A block with damage is lost as a whole, so this divides the usual block sizes of FLAC: 1152, 4096, 4608."""
_UNKNOWN_FRAMES = 2**63 - 1
_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 1_000, 1_000_000


class RecordingError(SpeakerdError):
    """A recording that cannot be read."""


class _ForwardOnly(SoundFile):  # type: ignore[misc]
    """A sound file read from start to end.

    SoundFile seeks after each block in files that can seek, which fails at the end of a FLAC of unknown length.
    """

    def seekable(self) -> bool:
        return False


def read_blocks(path: Path) -> Iterator[Samples]:
    """The sound of `path` in blocks of any length; several channels are averaged.

    Raises RecordingError: of a damaged file after the blocks before the damage.
    """
    try:
        with path.open("rb") as file, _open(path, file) as sound:
            yield from _to_near(_mono_blocks(path, sound), sound.samplerate)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error


def _open(path: Path, file: IO[bytes]) -> SoundFile:
    try:
        # By its number: SoundFile would take a name that ends in .raw for sound without a header.
        sound = _ForwardOnly(file.fileno(), closefd=False)
    except LibsndfileError as error:
        reason = error.error_string.removeprefix("Error : ").rstrip(".")
        hint = "expected a recording in WAV, FLAC, Ogg, MP3 or AIFF"
        raise RecordingError(f"{path}: cannot be read: {reason}", hint=hint) from error
    if sound.frames == 0:
        hint = "expected a recording; was the recorder cut short before it wrote down the length?"
        raise RecordingError(f"{path}: {sound.format} of length 0", hint=hint)
    if not _LOWEST_RATE_HZ <= sound.samplerate <= _HIGHEST_RATE_HZ:
        hint = f"expected {_LOWEST_RATE_HZ} to {_HIGHEST_RATE_HZ} Hz"
        raise RecordingError(f"{path}: sound at {sound.samplerate} Hz", hint=hint)
    return sound


def _mono_blocks(path: Path, sound: SoundFile) -> Iterator[NDArray[np.float32]]:
    """Blocks of the mean of all channels, float32 of ±1, which holds every int16 exactly."""
    frames = 0
    try:
        # Not past the promised end: there, a tag that someone has appended to a FLAC would count as damage.
        while len(block := sound.read(min(_BLOCK_FRAMES, sound.frames - frames), dtype="float32", always_2d=True)):
            yield block.mean(axis=1)
            frames += len(block)
        whole = frames >= sound.frames or sound.frames == _UNKNOWN_FRAMES
    except LibsndfileError:
        whole = False
    if not whole:
        hint = "what comes before is used; record or convert it anew to have all"
        raise RecordingError(f"{path}: {sound.format} damaged after {frames / sound.samplerate:.2f} s", hint=hint)


def _to_near(blocks: Iterator[NDArray[np.float32]], rate_hz: int) -> Iterator[Samples]:
    """Mono blocks, float32 of ±1, to int16 at 16 kHz."""
    if rate_hz == NEAR_RATE_HZ:
        yield from map(_to_int16, blocks)
        return
    resampler = soxr.ResampleStream(rate_hz, NEAR_RATE_HZ, 1, dtype="float32")
    for block in blocks:
        yield _to_int16(resampler.resample_chunk(block))
    yield _to_int16(resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _to_int16(sound: NDArray[np.float32]) -> Samples:
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
