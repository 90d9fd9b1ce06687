"""A card of the loudspeaker and the ear behind it, with sound whose every sample is numbered."""

from __future__ import annotations

import numpy as np

from speakerd.speaker.playout import Playout
from speakerd.speaker.ramp import fade_frames, faded

RATE = 24_000


PERIOD = 480


class Room:
    """A card of 4 periods and the ear behind it, with sound whose every sample is numbered."""

    def __init__(self, prefill_ms=60, rate_hz=RATE):
        self.playout = Playout(rate_hz, prefill_ms)
        self.period = rate_hz // 50
        self.queue: list[int] = []
        self.heard: list[int] = []
        self.next_number = 1
        self.to_come: list[int] = []
        self.pushed: dict[str, list[int]] = {}
        self.started: list[str] = []
        self.drained = 0

    def push(self, item_id, frames):
        numbers = [(self.next_number + k - 1) % 32_767 + 1 for k in range(frames)]
        self.next_number += frames
        self.pushed.setdefault(item_id, []).extend(numbers)
        self.to_come += numbers
        return self.playout.push(item_id, np.array(numbers, np.int16), frames * 24_000 // self.playout.rate_hz)

    def tick(self, periods=1):
        """The card plays a period once it is full, and takes the next."""
        for _ in range(periods):
            if len(self.queue) >= 4 * self.period:
                self.heard += self.queue[: self.period]
                self.queue = self.queue[self.period :]
            samples, started = self.playout.pull(self.period)
            assert samples.size == self.period
            assert samples.dtype == np.int16
            self.queue += self.unfaded(samples).tolist()
            self.started += [started] if started else []
            self.drained += self.playout.advance(len(self.queue))

    def unfaded(self, samples):
        """What was pulled by its numbers: a copy that fades out is none of it, what fades in is."""
        fade = fade_frames(self.playout.rate_hz)
        if self.playout.falls:
            assert not samples[fade:].any()
            samples = np.zeros(self.period, np.int16)
        if self.playout.rises:
            plain = np.array((self.to_come + [0] * self.period)[: self.period], np.int16)
            assert np.array_equal(samples[:fade], faded(plain[:fade], 0.0, 1.0))
            samples = np.concatenate([plain[:fade], samples[fade:]])
        self.to_come = self.to_come[np.count_nonzero(samples) :]
        return samples

    def cut(self):
        self.playout.cut()
        self.to_come = []

    def flush(self, played_meanwhile=0):
        self.cut()
        self.heard += self.queue[:played_meanwhile]
        self.queue = self.queue[played_meanwhile:]
        self.playout.advance(len(self.queue))
        if self.playout.frames_to_silence:
            self.playout.drop(len(self.queue))
            self.queue = []
        return self.playout.settle()

    def fade_and_flush(self):
        """The card is not dropped, as its tail is short."""
        self.cut()
        self.tick()
        while self.playout.frames_to_silence:
            self.tick()
        return self.playout.settle()

    def heard_of(self, item_id):
        wanted = set(self.pushed[item_id])
        return sum(number in wanted for number in self.heard)


def sound(numbers):
    return [number for number in numbers if number]
