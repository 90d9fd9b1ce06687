"""How a conversation begins: a question in the same breath as the wake word, and the wake sound in the midst of it."""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve

from bench.bargein.rooms import Room
from bench.bargein.signals import RATE_HZ, active_rms, from_db
from speakerd.config.model import Sounds
from speakerd.speaker.earcons import synthesise

QUESTION_S = 0.2
WAKE_SOUND_S = 0.8
ANSWER_S = 0.8
"""After the question."""


def wake_sound(far: np.ndarray) -> None:
    """Add the wake sound to what is played."""
    sound = synthesise("wake", RATE_HZ, Sounds().level_dbfs) / np.float32(32768)
    start = int(WAKE_SOUND_S * RATE_HZ)
    far[start : start + len(sound)] += sound


def question(near: np.ndarray, parts: list[np.ndarray], level_dbfs: float, room: Room, until_s: float) -> None:
    """Add words from before the wake sound until shortly before the answer."""
    start, stop = int(QUESTION_S * RATE_HZ), int((until_s - ANSWER_S) * RATE_HZ)
    words = np.concatenate(parts)[: stop - start]
    x = fftconvolve(words, room.near[0])[: len(near) - start].astype(np.float32)
    near[start : start + len(x)] += x * np.float32(from_db(level_dbfs) / active_rms(x))
