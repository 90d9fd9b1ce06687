"""Sample formats of sound cards and files, to and from our int16 mono. Names are ALSA's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerd.pcm import Samples


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """How one sample is stored. `to_int16` and `from_int16` take and return the stored numbers, any shape."""

    name: str
    dtype: np.dtype[np.generic]
    """One element as stored; 3-byte samples are shape (3,) of bytes."""
    to_int16: Callable[[NDArray[np.generic]], Samples]
    from_int16: Callable[[Samples], NDArray[np.generic]]

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of one channel."""
        return self.dtype.itemsize


def decode(data: bytes, form: SampleFormat, channels: int, channel: int = 0) -> Samples:
    """One channel of interleaved `data` as int16; an unfinished last frame is cut off."""
    frames = len(data) // (form.sample_bytes * channels)
    stored = np.frombuffer(data, form.dtype, count=frames * channels)
    stored = stored.reshape(frames, channels, *stored.shape[1:])[:, channel]
    return np.ascontiguousarray(form.to_int16(stored))


def decode_all(data: bytes, form: SampleFormat, channels: int) -> NDArray[np.int16]:
    """All channels of interleaved `data`, shape (frames, channels)."""
    return np.stack([decode(data, form, channels, channel) for channel in range(channels)], axis=1)


def encode(samples: Samples, form: SampleFormat, channels: int = 1) -> bytes:
    """int16 mono as interleaved bytes, the same sound on every channel."""
    stored = form.from_int16(samples)
    return (stored if channels == 1 else np.repeat(stored, channels, axis=0)).tobytes()


def _int16(name: str, dtype: str) -> SampleFormat:
    """Our own samples, in one byte order or the other."""
    return SampleFormat(
        name,
        np.dtype(dtype),
        lambda stored: stored.astype(np.int16, copy=False),
        lambda samples: samples.astype(dtype, copy=False),
    )


def _int(name: str, dtype: str, unused_low_bits: int, *, unused_high_bits: int = 0) -> SampleFormat:
    """A signed integer whose top 16 used bits are ours, `unused_low_bits` above the lowest one."""
    wide = np.dtype(dtype)
    native = wide.newbyteorder("=")

    def to_int16(stored: NDArray[np.generic]) -> Samples:
        # What stands above a 24-bit sample is undefined: shift it out.
        return ((stored.astype(native) << unused_high_bits) >> (unused_high_bits + unused_low_bits)).astype(np.int16)

    def from_int16(samples: Samples) -> NDArray[np.generic]:
        return (samples.astype(native) << unused_low_bits).astype(wide)

    return SampleFormat(name, wide, to_int16, from_int16)


def _packed24(name: str, high: int) -> SampleFormat:
    """Three bytes a sample; byte `high` of them is the most significant one."""
    triple = np.dtype((np.uint8, (3,)))

    def to_int16(stored: NDArray[np.generic]) -> Samples:
        octets = stored.astype(np.uint16)
        return ((octets[..., high] << 8) | octets[..., 1]).astype(np.uint16).view(np.int16)

    def from_int16(samples: Samples) -> NDArray[np.generic]:
        out = np.zeros((*samples.shape, 3), np.uint8)
        out[..., high] = (samples >> 8).astype(np.uint8)
        out[..., 1] = (samples & 0xFF).astype(np.uint8)
        return out

    return SampleFormat(name, triple, to_int16, from_int16)


def _float(name: str, dtype: str) -> SampleFormat:
    def to_int16(stored: NDArray[np.generic]) -> Samples:
        return np.clip(np.rint(stored.astype(np.float64) * 32768.0), -32768, 32767).astype(np.int16)

    def from_int16(samples: Samples) -> NDArray[np.generic]:
        return (samples.astype(np.float64) / 32768.0).astype(dtype)

    return SampleFormat(name, np.dtype(dtype), to_int16, from_int16)


def _u8() -> SampleFormat:
    def to_int16(stored: NDArray[np.generic]) -> Samples:
        return (stored.astype(np.int16) - 128) << 8

    def from_int16(samples: Samples) -> NDArray[np.generic]:
        return ((samples >> 8) + 128).astype(np.uint8)

    return SampleFormat("U8", np.dtype(np.uint8), to_int16, from_int16)


FORMATS: dict[str, SampleFormat] = {
    form.name: form
    for form in (
        _int16("S16_LE", "<i2"),
        _int("S32_LE", "<i4", 16),
        _packed24("S24_3LE", high=2),
        _int("S24_LE", "<i4", 8, unused_high_bits=8),
        _float("FLOAT_LE", "<f4"),
        _int16("S16_BE", ">i2"),
        _int("S32_BE", ">i4", 16),
        _packed24("S24_3BE", high=0),
        _int("S24_BE", ">i4", 8, unused_high_bits=8),
        _float("FLOAT_BE", ">f4"),
        _float("FLOAT64_LE", "<f8"),
        _u8(),
    )
}
"""All that we understand, best first."""
