"""The thread that drives the front-end, with a front-end that only writes down."""

from __future__ import annotations

import queue
import time
from dataclasses import replace
from typing import ClassVar

import numpy as np

from speakerd.conversation.events import EchoMeasured, SpeechDetected, WakeDetected
from speakerd.mic.capture import FrameQueue
from speakerd.mic.listener import HELD_FRAMES, Listener
from speakerd.pcm import FarFrame, NearFrame


class Speaker:
    """The far end."""

    def __init__(self) -> None:
        self.gaps: list[bool] = []

    def far_frame(self, *, gap: bool) -> FarFrame:
        self.gaps.append(gap)
        return FarFrame(np.full(320, len(self.gaps), np.int16), playing=True)


class Ears:
    """A front-end that hears a wake word in frame 3."""

    frames_to_step = 4

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []
        self.measured = 0
        """Frames since the figures were last taken."""

    def process(self, frame: NearFrame, far: FarFrame) -> tuple[NearFrame, tuple]:
        self.measured += 1
        self.heard.append((frame.index, int(far.samples[0])))
        events = (WakeDetected("w", 1.0, 3), SpeechDetected(True, 2)) if frame.index == 3 else ()
        return replace(frame, echo_free=True), events

    def take_figures(self) -> EchoMeasured:
        measured, self.measured = self.measured, 0
        return EchoMeasured(30.0, -25.0, 60.0, float(-measured))


WORD_FRAMES = 4
"""With the fourth the word is heard, so they are posted together."""


def listen(frames: int, *, talking: bool = False) -> tuple[Ears, Speaker, list]:
    """Feed frames, the sixth after a gap; what was posted, in order."""
    ears, speaker, source, posted = Ears(), Speaker(), FrameQueue(frames), queue.Queue()
    listener = Listener(source, ears, speaker, posted.put, posted.put, lambda: talking, lambda *_: None)
    listener.start()
    for index in range(frames):
        source.put(NearFrame(np.zeros(320, np.int16), index, float(index), gap=index == 5))
    got: list = []
    while len(got) < frames + 2 * (frames >= WORD_FRAMES):
        one = posted.get(timeout=3)
        got += one if isinstance(one, list) else [one]
    listener.stop()
    assert listener.join(2)
    return ears, speaker, got


def test_every_frame_is_processed_with_the_reference_that_belongs_to_it():
    ears, speaker, _ = listen(WORD_FRAMES + HELD_FRAMES)
    assert ears.heard == [(i, i + 1) for i in range(WORD_FRAMES + HELD_FRAMES)]
    assert speaker.gaps == [i == 5 for i in range(WORD_FRAMES + HELD_FRAMES)]


def test_what_is_posted_is_the_cleaned_frame():
    _, _, got = listen(2, talking=True)
    assert all(frame.echo_free for frame in got)


def test_while_nobody_talks_frames_are_posted_half_a_second_at_a_time_or_with_what_is_heard():
    source, posted = FrameQueue(100), queue.Queue()
    listener = Listener(source, Ears(), Speaker(), lambda _: None, posted.put, lambda: False, lambda *_: None)
    listener.start()
    for index in range(WORD_FRAMES + HELD_FRAMES + 8):
        source.put(NearFrame(np.zeros(320, np.int16), index, float(index)))
    assert [len(posted.get(timeout=3)) for _ in range(2)] == [WORD_FRAMES, HELD_FRAMES]
    listener.stop()
    assert listener.join(2)
    assert posted.empty()


def test_what_was_held_is_posted_when_somebody_talks():
    talking, source, posted = [False], FrameQueue(), queue.Queue()
    listener = Listener(source, Ears(), Speaker(), lambda _: None, posted.put, lambda: talking[0], lambda *_: None)
    listener.start()
    for index in range(10, 18):
        source.put(NearFrame(np.zeros(320, np.int16), index, float(index)))
    while listener.front_end.measured < 8:
        time.sleep(0.002)
    assert posted.empty()
    talking[0] = True
    for index in range(18, 22):  # it waits for four together
        source.put(NearFrame(np.zeros(320, np.int16), index, float(index)))
    assert [frame.index for frame in posted.get(timeout=3)] == list(range(10, 22))
    listener.stop()
    assert listener.join(2)


def test_the_figures_follow_a_conversation_and_are_of_it_alone():
    talking, posted, frames, source = [False], queue.Queue(), queue.Queue(), FrameQueue()
    listener = Listener(source, Ears(), Speaker(), posted.put, frames.put, lambda: talking[0], lambda *_: None)
    listener.start()

    def hear(first: int, count: int) -> None:
        for index in range(first, first + count):
            source.put(NearFrame(np.zeros(320, np.int16), index, 0.0))
        while count:
            count -= len(frames.get(timeout=2))

    hear(10, HELD_FRAMES)
    talking[0] = True
    hear(40, 4)  # it may already wait for four together
    hear(44, 5)
    assert posted.empty()
    talking[0] = False
    source.put(NearFrame(np.zeros(320, np.int16), 49, 0.0))
    told = posted.get(timeout=2)
    assert told == EchoMeasured(30.0, -25.0, 60.0, told.near_dbfs)
    assert 6 <= -told.near_dbfs <= 10
    listener.stop()
    assert listener.join(2)
    assert posted.empty()


def test_a_frame_is_posted_before_its_events():
    _, _, got = listen(WORD_FRAMES)
    assert [type(one).__name__ for one in got] == ["NearFrame"] * 4 + ["WakeDetected", "SpeechDetected"]


def test_it_stops_without_waiting_for_frames():
    listener = Listener(FrameQueue(), Ears(), Speaker(), print, print, lambda: False, lambda *_: None)
    listener.start()
    time.sleep(0.05)  # it waits by now
    asked_s = time.monotonic()
    listener.stop()
    assert listener.join(2)
    assert time.monotonic() - asked_s < 0.25


def test_in_a_conversation_no_frame_waits_for_others():
    ears, _, got = listen(3, talking=True)
    assert len(got) == 3
    assert len(ears.heard) == 3


def test_a_front_end_that_comes_while_another_takes_its_place_is_not_lost():
    """Both threads at the same moment: the loop hands over one more between the look at the first and its start."""

    class Hasty(Listener):
        later: ClassVar[list[Ears]] = []

        @property
        def _next(self):
            found = self.__dict__.get("next")
            while self.later:
                self.use(self.later.pop())
            return found

        @_next.setter
        def _next(self, front_end):
            self.__dict__["next"] = front_end

    class Successor(Ears):
        def succeed(self, old: Ears) -> None:
            pass

    first, second = Successor(), Successor()
    hasty = Hasty(FrameQueue(), Ears(), Speaker(), print, print, lambda: False, lambda *_: None)
    hasty.use(first)
    Hasty.later.append(second)
    for _ in range(2):
        hasty._change()
    assert hasty.front_end is second
