"""Voice or not, 20 ms at a time: webrtcvad behind one method. Cheap (3 µs), and easily fooled by music."""

from __future__ import annotations

import webrtcvad

from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, Samples, to_bytes


class Vad:
    """Keeps a little state between frames, so one object hears one stream. One thread."""

    def __init__(self, aggressiveness: int = 3) -> None:
        """0 calls nearly everything speech, 3 is the strictest. Raises ValueError for other values."""
        self._vad = webrtcvad.Vad(aggressiveness)

    def is_speech(self, samples: Samples) -> bool:
        """Whether this near frame, (320,) int16 at 16 kHz, sounds like a voice."""
        if len(samples) != NEAR_PERIOD_FRAMES:  # webrtcvad would take 160 or 480 too, and keep a wrong clock
            raise ValueError(f"a near frame has {NEAR_PERIOD_FRAMES} samples, not {len(samples)}")
        return bool(self._vad.is_speech(to_bytes(samples), NEAR_RATE_HZ))
