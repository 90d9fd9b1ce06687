"""The daemon's canceller, and others in its place."""

from __future__ import annotations

import numpy as np

from speakerd.dsp.aec import EchoCanceller, WebRtcCanceller
from speakerd.dsp.linear_echo import LinearEcho
from speakerd.pcm import NEAR_RATE_HZ, Samples

_TEN_MS = NEAR_RATE_HZ // 100


class LiveKitCanceller:
    """AEC3 of another build, with its own noise suppression."""

    def __init__(self) -> None:
        from livekit import rtc

        self._frame = rtc.AudioFrame
        self._apm = rtc.AudioProcessingModule(echo_cancellation=True, noise_suppression=True, high_pass_filter=True)

    def process(self, near: Samples, far: Samples) -> Samples:
        """See `EchoCanceller`."""
        out = np.empty(len(near), np.int16)
        for start in range(0, len(near), _TEN_MS):
            block = slice(start, start + _TEN_MS)
            self._apm.process_reverse_stream(self._wrap(far[block]))
            frame = self._wrap(near[block])
            self._apm.process_stream(frame)
            out[block] = np.frombuffer(frame.data, np.int16)
        return out

    def _wrap(self, samples: Samples):  # noqa: ANN202  (livekit is loaded only here)
        return self._frame(bytearray(samples.tobytes()), NEAR_RATE_HZ, 1, len(samples))


class LinearCanceller:
    """The linear filter alone."""

    def __init__(self) -> None:
        self._filter = LinearEcho()

    def process(self, near: Samples, far: Samples) -> Samples:
        """See `EchoCanceller`."""
        error, _ = self._filter.process(near, far)
        return np.clip(np.round(error * 32767), -32768, 32767).astype(np.int16)


class NoCanceller:
    """The microphone as it is."""

    def process(self, near: Samples, far: Samples) -> Samples:
        """See `EchoCanceller`."""
        return near


def make_canceller(name: str) -> EchoCanceller:
    """One of webrtc, livekit, linear, none."""
    makers = {"webrtc": WebRtcCanceller, "livekit": LiveKitCanceller, "linear": LinearCanceller, "none": NoCanceller}
    return makers[name]()
