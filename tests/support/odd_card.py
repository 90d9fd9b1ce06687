"""Stand-ins for alsaaudio.PCM that grant something else than asked, and play a script."""

from __future__ import annotations

import os
import select
import time

import alsaaudio
import numpy as np

from speakerd.dsp.formats import FORMATS

DEVICE = "hw:Odd"


class OddCard:
    """A PCM that grants these rates, channels and formats only, like hardware does, and plays a script.

    As alsa-lib does, it takes the first of all for what it refuses.
    """

    rates = (48_000,)
    channel_counts = (2,)
    formats = ("S32_LE",)
    periods_granted = ()  # any
    answers: tuple[object, ...] = ()

    def __init__(self, direction, mode, device, *, rate, channels, format, periodsize, periods):
        assert device == DEVICE
        asked = next(name for name in FORMATS if getattr(alsaaudio, f"PCM_FORMAT_{name}") == format)
        self.granted = asked if asked in self.formats else self.formats[0]
        self.rate = rate if rate in self.rates else self.rates[0]
        self.channels = channels if channels in self.channel_counts else self.channel_counts[0]
        odd = self.periods_granted and periodsize not in self.periods_granted
        self.periodsize, self.periods = self.periods_granted[0] if odd else periodsize, periods
        self.script = list(self.answers)
        self.written = b""
        self.available = periodsize * periods
        self.closed = self.dropped = 0
        self.pipe = os.pipe()  # readable while a microphone has something to give
        if direction == alsaaudio.PCM_CAPTURE and self.script:
            os.write(self.pipe[1], b"!")

    def info(self):
        return {
            "format_name": self.granted,
            "rate": self.rate,
            "channels": self.channels,
            "period_size": self.periodsize,
            "buffer_size": self.periodsize * self.periods,
        }

    def getrates(self):
        return list(self.rates) if len(self.rates) > 1 else self.rates[0]

    def getchannels(self):
        return list(self.channel_counts)

    def getformats(self):
        return dict.fromkeys(self.formats, 0)

    def _answer(self):
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise type(answer)(*answer.args)  # a new one: parameters live on, with the traceback and all in it
        return answer

    def read(self):
        answer = self._answer()
        if not self.script:
            os.read(self.pipe[0], 1)
        return answer

    def polldescriptors(self):
        return [(self.pipe[0], select.POLLIN)]

    def polldescriptors_revents(self, events):
        return select.POLLIN

    def write(self, data):
        answer = self._answer() if self.script else None
        if answer is None:
            answer = len(data) // (FORMATS[self.granted].sample_bytes * self.channels)
        if answer > 0:
            self.written += bytes(data)[: answer * FORMATS[self.granted].sample_bytes * self.channels]
        return answer

    def avail(self):
        return self.available

    def state(self):
        return alsaaudio.PCM_STATE_PREPARED

    def drop(self):
        self.dropped += 1

    def close(self):
        self.closed += 1
        while self.pipe:
            os.close(self.pipe[-1])
            self.pipe = self.pipe[:-1]


NOISE = np.random.default_rng(0).integers(-30000, 30000, 960).astype(np.int16)


class IdleCard(OddCard):
    """One that says that it is ready, and is not."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        os.write(self.pipe[1], b"!")
        self.given_up_s = time.monotonic() + 5.0

    def read(self):
        return self.write(b""), b""

    def write(self, data):
        assert time.monotonic() < self.given_up_s, "it would be asked for ever"
        return 0


def repeat(action):
    for _ in range(100):
        action()
