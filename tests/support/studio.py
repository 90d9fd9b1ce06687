"""A playback for tests, with all that it says kept in order."""

from __future__ import annotations

import queue
import time

import numpy as np

from speakerd.pcm import to_bytes
from speakerd.speaker.earcons import Earcons
from speakerd.speaker.playback import Playback

WIRE = 24_000
"""Hz."""


class Studio:
    """A playback with everything it says kept in order."""

    def __init__(self, open_sink, **options):
        self.events = queue.Queue()
        self.states = queue.Queue()
        self.crashes = []
        self.playback = Playback(
            open_sink,
            Earcons(-20.0),
            lambda event: self.events.put((time.monotonic(), event)),
            lambda error: self.states.put(error and str(error)),
            lambda name, error: self.crashes.append((name, error)),
            **options,
        )
        self.playback.start()

    def next(self, timeout_s=3.0):
        return self.events.get(timeout=timeout_s)[1]

    def say(self, item_id, seconds, level=8000, *, end=False):
        noise = np.random.default_rng(len(item_id)).integers(-500, 500, int(seconds * WIRE))
        fitted = self.playback.enqueue(item_id, to_bytes((level + noise).astype(np.int16)))
        if end:
            self.playback.end_response()
        return fitted

    def close(self):
        self.playback.stop()
        assert self.playback.join(2)
        assert self.crashes == []


def wait_for(what):
    until_s = time.monotonic() + 3.0
    while not what():
        assert time.monotonic() < until_s, "did not happen in time"
        time.sleep(0.005)
