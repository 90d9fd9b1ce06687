"""The audio formats of the wire: PCM at 24 kHz, and G.711 (μ-law, A-law) at 8 kHz. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from speakerd.pcm import WIRE_RATE_HZ, Samples, from_bytes, to_bytes

G711_RATE_HZ = 8_000
_LINEAR = np.arange(-32768, 32768, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How samples look on the wire. `decode` and `encode` work at `rate_hz`, int16 mono."""

    name: str
    rate_hz: int
    bytes_per_sample: int
    _expand: NDArray[np.int16] | None = field(default=None, repr=False, compare=False)
    _compress: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)

    def decode(self, data: bytes) -> Samples:
        """Bytes of the wire as samples; an odd last byte of PCM is cut off."""
        if self._expand is None:
            return from_bytes(data)
        return self._expand[np.frombuffer(data, dtype=np.uint8)]

    def encode(self, samples: Samples) -> bytes:
        """Samples as bytes of the wire."""
        if self._compress is None:
            return to_bytes(samples)
        return self._compress[samples.astype(np.int32) + 32768].tobytes()

    def ms(self, n_bytes: int) -> float:
        """Duration of `n_bytes`."""
        return n_bytes * 1000.0 / (self.rate_hz * self.bytes_per_sample)

    def n_bytes(self, ms: float) -> int:
        """Bytes of the whole samples in `ms`."""
        return int(ms * self.rate_hz // 1000) * self.bytes_per_sample


def _ulaw_expand() -> NDArray[np.int16]:
    """ITU-T G.711 μ-law: 8 inverted bits are sign, exponent (3), mantissa (4); bias 33, scaled to 16 bit."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = (((mantissa.astype(np.int32) << 3) + 132) << exponent) - 132
    return np.where(code & 128, -magnitude, magnitude).astype(np.int16)


def _alaw_expand() -> NDArray[np.int16]:
    """ITU-T G.711 A-law: even bits inverted; sign (set = positive), exponent (3), mantissa (4)."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 264) << np.maximum(exponent - 1, 0))
    return np.where(code & 128, magnitude, -magnitude).astype(np.int16)


def _nearest(expand: NDArray[np.int16]) -> NDArray[np.uint8]:
    """For every int16 value the code whose expansion is nearest."""
    order = np.argsort(expand, kind="stable")
    levels = expand[order].astype(np.int32)
    right = np.searchsorted(levels, _LINEAR).clip(1, 255)
    left_is_nearer = _LINEAR - levels[right - 1] <= levels[right] - _LINEAR
    return order[np.where(left_is_nearer, right - 1, right)].astype(np.uint8)


PCM = AudioFormat("audio/pcm", WIRE_RATE_HZ, 2)
PCMU = AudioFormat("audio/pcmu", G711_RATE_HZ, 1, _ulaw_expand(), _nearest(_ulaw_expand()))
PCMA = AudioFormat("audio/pcma", G711_RATE_HZ, 1, _alaw_expand(), _nearest(_alaw_expand()))
FORMATS = {f.name: f for f in (PCM, PCMU, PCMA)}
