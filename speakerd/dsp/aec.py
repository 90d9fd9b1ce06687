"""The echo canceller: one port, and WebRTC's AEC3 behind it."""

from __future__ import annotations

from typing import Protocol

from pywebrtc_audio import AudioProcessor

from speakerd.pcm import NEAR_RATE_HZ, Samples

LATENCY_FRAMES = 224
"""What comes out is 14 ms late: AEC3 and the noise suppressor work in overlapping blocks (measured)."""

_NOISE_SUPPRESSION_LEVEL = 1
"""12 dB: more of it eats quiet words."""


class EchoCanceller(Protocol):
    """Takes the loudspeaker's sound out of the microphone's. One thread; keeps its state from frame to frame."""

    def process(self, near: Samples, far: Samples) -> Samples:
        """A near frame without the echo of `far`; all int16 mono 16 kHz, 320 samples.

        `far` must never come later than its echo: 30 ms too late costs all of the effect, too early costs nothing
        up to a few hundred ms.
        """


class WebRtcCanceller:
    """AEC3 with its high-pass and noise suppression, without gain control (ADR 6)."""

    def __init__(self) -> None:
        self._apm = AudioProcessor(
            sample_rate=NEAR_RATE_HZ,
            echo_cancellation=True,
            noise_suppression=True,
            ns_level=_NOISE_SUPPRESSION_LEVEL,
        )

    def process(self, near: Samples, far: Samples) -> Samples:
        """See `EchoCanceller`."""
        return self._apm.process(near, far)
