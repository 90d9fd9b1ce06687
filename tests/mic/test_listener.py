"""The thread that drives the front-end, with a front-end that only writes down."""

from __future__ import annotations

import queue
import time

import numpy as np

from speakerd.conversation.events import SpeechDetected, WakeDetected
from speakerd.mic.capture import FrameQueue
from speakerd.mic.listener import Listener
from speakerd.pcm import NearFrame


class Speaker:
    """The far end."""

    def __init__(self, *, playing: bool) -> None:
        self.playing = playing

    def far_level_dbfs(self, now_s: float) -> float:
        return -now_s


class Ears:
    """A front-end that hears a wake word in frame 3."""

    frames_to_step = 4

    def __init__(self) -> None:
        self.heard: list[tuple[int, float]] = []
        self.active: list[bool] = []

    def far_end_active(self, active: bool) -> None:
        self.active.append(active)

    def process(self, frame: NearFrame, far_level_dbfs: float) -> tuple:
        self.heard.append((frame.index, far_level_dbfs))
        return (WakeDetected("w", 1.0, 3), SpeechDetected(True, 2)) if frame.index == 3 else ()


def listen(frames: int, *, playing: bool = False, talking: bool = False) -> tuple[Ears, list]:
    """Feed frames; what was posted, in order."""
    ears, source, posted = Ears(), FrameQueue(), queue.Queue()
    listener = Listener(
        source, ears, Speaker(playing=playing), posted.put, posted.put, lambda: talking, lambda *_: None
    )
    listener.start()
    for index in range(frames):
        source.put(NearFrame(np.zeros(320, np.int16), index, float(index)))
    got: list = []
    while len(got) < frames + 2 * (frames > 3):
        one = posted.get(timeout=3)
        got += one if isinstance(one, list) else [one]
    listener.stop()
    assert listener.join(2)
    return ears, got


def test_every_frame_is_processed_with_the_level_of_its_time():
    ears, _ = listen(8)
    assert ears.heard == [(i, -float(i)) for i in range(8)]


def test_a_frame_is_posted_before_its_events():
    _, got = listen(4)
    assert [type(one).__name__ for one in got] == ["NearFrame"] * 4 + ["WakeDetected", "SpeechDetected"]


def test_the_front_end_knows_whether_the_loudspeaker_plays():
    ears, _ = listen(4, playing=True)
    assert ears.active == [True] * 4


def test_it_stops_without_waiting_for_frames():
    listener = Listener(FrameQueue(), Ears(), Speaker(playing=False), print, print, lambda: False, lambda *_: None)
    listener.start()
    time.sleep(0.05)  # it waits by now
    asked_s = time.monotonic()
    listener.stop()
    assert listener.join(2)
    assert time.monotonic() - asked_s < 0.25


def test_in_a_conversation_no_frame_waits_for_others():
    ears, got = listen(3, talking=True)
    assert len(got) == 3
    assert len(ears.heard) == 3
