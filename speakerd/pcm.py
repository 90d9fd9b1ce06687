"""The words of our trade: sample rates, the near frame, and conversions between ms, frames and bytes.

Everything inside the daemon is int16, mono. Three rates exist: the microphone side runs at
16 kHz (webrtcvad and openWakeWord want it), the wire at 24 kHz (the only PCM rate of the
Realtime API), the loudspeaker side at whatever the card granted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]
"""Shape (n,), int16, mono. The rate is stated where a value of this type is passed."""

NEAR_RATE_HZ = 16_000
"""Rate of everything in `mic/`."""

WIRE_RATE_HZ = 24_000
"""Rate of everything on the websocket."""

PERIOD_MS = 20
"""One step of every audio thread."""

NEAR_PERIOD_FRAMES = NEAR_RATE_HZ * PERIOD_MS // 1000
"""320: one webrtcvad frame, two frames of a 10 ms echo canceller, a quarter of a wake step."""

BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True, eq=False)
class NearFrame:
    """20 ms from the microphone: 320 samples, int16 mono, 16 kHz."""

    samples: Samples
    index: int
    """Near frames since the process started: the *sample clock*. Counts on over reopened devices."""
    captured_at_s: float
    """CLOCK_MONOTONIC seconds when the last sample of the frame was handed over by the card."""
    gap: bool = False
    """True if sound was lost between the frame before and this one (xrun, reopened device)."""
    echo_free: bool = False
    """True if the loudspeaker cannot be heard in it: cancelled, by a canceller that works."""
    over_samples: Samples | None = None
    """The same sound with more of the user left in it, and of the echo: for words spoken over the assistant.

    320 samples like the others; None while the assistant is not audible.
    """


@dataclass(frozen=True, slots=True, eq=False)
class FarFrame:
    """The reference that belongs to one near frame: 20 ms of what the loudspeaker plays, after volume and ducking.

    It leads: its sound leaves the loudspeaker shortly after the near frame with which it is handed out, never before.
    """

    samples: Samples
    """320 samples, int16 mono, 16 kHz; zeros while nothing plays."""
    playing: bool
    """True while the assistant is audible: there is something to interrupt."""
    aligned: bool = True
    """False if the alignment with the microphone was lost, or was made anew, since the frame before."""


NOTHING_PLAYS = FarFrame(np.zeros(NEAR_PERIOD_FRAMES, np.int16), playing=False)
"""The reference where there is no loudspeaker, or it rests."""


def ms_to_frames(ms: float, rate_hz: int) -> int:
    """Whole frames in `ms` at `rate_hz`, rounded down."""
    return int(ms * rate_hz // 1000)


def ms_to_periods(ms: float) -> int:
    """Periods of 20 ms that cover `ms`, rounded up."""
    return -int(-ms // PERIOD_MS)


def from_bytes(data: bytes) -> Samples:
    """Little-endian int16 bytes as read-only samples; an odd last byte is cut off."""
    return np.frombuffer(data, dtype="<i2", count=len(data) // BYTES_PER_SAMPLE).astype(np.int16, copy=False)


def to_bytes(samples: Samples) -> bytes:
    """Samples as little-endian int16 bytes."""
    return samples.astype("<i2", copy=False).tobytes()


def level_dbfs(samples: Samples) -> float:
    """RMS level relative to a full-scale square wave; −120 for silence or no samples."""
    sound = samples.astype(np.float32)
    power = float(np.dot(sound, sound)) / max(1, sound.size)
    return max(-120.0, 10.0 * math.log10(power / 32768.0**2)) if power > 0 else -120.0
