"""The user's side of the virtual sound card, for a run of faults: speaks, hears, and pulls plugs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from support.outside_card import OutsideCard
from support.pretend_card import SPEAKER_HZ

from speakerd.demo.recording import Recorder, Speech, speak
from speakerd.demo.soundcard import CARD_RATE_HZ
from speakerd.pcm import NEAR_RATE_HZ, Samples

STEP = CARD_RATE_HZ // SPEAKER_HZ
DELAY_MS, ECHO_DB = 40, -20.0


class AlsaRoom:
    """As `PretendCard`, but the daemon opens ALSA's devices, and its microphone hears its loudspeaker."""

    program = ("-m", "speakerd")

    def __init__(self, card: OutsideCard) -> None:
        """`card` was started."""
        self.card = card
        self.env = {**card.env, "SPEAKERD_AUDIO__PLAYBACK_RATE_HZ": str(CARD_RATE_HZ)}
        self._speech: list[Speech] = []
        self._recorder: Recorder | None = None
        self._furnish()

    def close(self) -> None:
        """Stop listening and speaking. May be called twice."""
        for speech in self._speech:
            speech.stop()
        self._speech = []
        if self._recorder is not None:
            self._recorder.stop()
            self._recorder = None

    def say(self, samples: Samples) -> None:
        """Speak int16 mono 16 kHz into the microphone; returns at once."""
        self._speech = [speech for speech in self._speech if speech.lasts]
        self._speech.append(speak(self.card, samples, NEAR_RATE_HZ))

    def heard(self, from_s: float, until_s: float) -> Samples:
        """What sounded between two times (CLOCK_MONOTONIC): int16 mono at `SPEAKER_HZ`."""
        assert self._recorder is not None
        return np.ascontiguousarray(self._recorder.so_far().between(from_s, until_s)[::STEP])

    def forget(self) -> None:
        """Throw away what was heard."""
        self.close()
        self._recorder = Recorder(self.card, "speaker")
        self._recorder.start()

    @contextmanager
    def broken(self) -> Iterator[OutsideCard]:
        """Within it the card may be broken; afterwards it must be whole, and all that was heard is forgotten."""
        self.close()
        yield self.card
        self._furnish()

    def _furnish(self) -> None:
        self.card.loop(DELAY_MS, ECHO_DB)
        self.forget()
