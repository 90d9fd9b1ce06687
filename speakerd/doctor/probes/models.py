"""Loads the front-end as the daemon does, and lets it hear two seconds of made-up sound."""

from __future__ import annotations

import time

import numpy as np

from speakerd.config.model import Config
from speakerd.doctor.chirp import surf
from speakerd.doctor.judges.models import Pace
from speakerd.mic.frontend import FrontEnd
from speakerd.mic.wake_models import find_model
from speakerd.parts import make_duplex
from speakerd.pcm import NEAR_PERIOD_FRAMES, NOTHING_PLAYS, PERIOD_MS, FarFrame, NearFrame, Samples

SOUND_MS = 2_000


def pace(config: Config) -> Pace:
    """Raises SpeakerdError for models that cannot be loaded."""
    began_s = time.monotonic()
    front_end = FrontEnd(config.wake, make_duplex(config))
    load_s = time.monotonic() - began_s
    sound = surf(SOUND_MS)
    words = tuple(find_model(word.model).word for word in config.wake.words)
    wake_share = _share(front_end, sound, 0, speaks=False)
    return Pace(words, load_s, wake_share, _share(front_end, sound, SOUND_MS // PERIOD_MS, speaks=True))


def _share(front_end: FrontEnd, sound: Samples, first: int, *, speaks: bool) -> float:
    """Processor seconds of this thread for a second of `sound`, its frames numbered from `first` on."""
    blocks = np.split(sound, range(NEAR_PERIOD_FRAMES, sound.size, NEAR_PERIOD_FRAMES))
    began_s = time.thread_time()
    for index, block in enumerate(blocks):
        far = FarFrame(block, playing=True) if speaks else NOTHING_PLAYS
        front_end.process(NearFrame(block, first + index, 0.0), far)
    return (time.thread_time() - began_s) / (len(blocks) * PERIOD_MS / 1000)
