"""From any blocks to numbered frames; a microphone that fails is opened anew."""

from __future__ import annotations

import itertools
import queue
import statistics
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerd.demo.recording import speak
from speakerd.errors import DeviceError
from speakerd.hw.device import SourceBlock
from speakerd.mic.capture import STEADY_FRAMES, Capture, Chunker, FrameQueue
from speakerd.mic.deadair import FIRST_FRAMES
from speakerd.pcm import NearFrame
from speakerd.threads import Worker


def ramp(frames, start=0):
    return (np.arange(start, start + frames) % 30_000).astype(np.int16)


@given(sizes=st.lists(st.integers(0, 1500), max_size=30))
def test_frames_are_whole_numbered_and_lose_nothing(sizes):
    chunker, frames, position = Chunker(), [], 0
    for size in sizes:
        frames += chunker.feed(ramp(size, position), 10.0 + (position + size) / 16_000, gap=False)
        position += size
    assert [frame.index for frame in frames] == list(range(position // 320))
    assert all(frame.samples.size == 320 and not frame.gap for frame in frames)
    if frames:
        assert np.array_equal(np.concatenate([frame.samples for frame in frames]), ramp(position // 320 * 320))
    for frame in frames:
        assert frame.captured_at_s == pytest.approx(10.0 + (frame.index + 1) * 0.02)


def test_a_gap_marks_the_first_frame_after_it_only():
    chunker = Chunker()
    frames = chunker.feed(ramp(400), 0.0, gap=False)
    frames += chunker.feed(ramp(100), 0.0, gap=True)
    frames += chunker.feed(ramp(1000), 0.0, gap=False)
    assert [frame.gap for frame in frames] == [False, True, False, False]


def test_an_interruption_is_a_gap_and_the_count_goes_on():
    chunker = Chunker()
    chunker.interrupt()
    first = chunker.feed(ramp(500), 0.0, gap=False)
    chunker.interrupt()
    second = chunker.feed(ramp(640), 0.0, gap=False)
    assert [(frame.index, frame.gap) for frame in first + second] == [(0, False), (1, True), (2, False)]
    assert np.array_equal(second[0].samples, ramp(320))


def frame(index):
    return NearFrame(ramp(320), index, 0.0)


def test_a_closed_queue_keeps_nobody_waiting():
    queue_ = FrameQueue()
    queue_.put(frame(0))
    queue_.close()
    asked_s = time.monotonic()
    assert [one.index for one in queue_.get(5.0, 4)] == [0]
    assert queue_.get(5.0) == []
    assert time.monotonic() - asked_s < 1.0


def test_a_full_queue_loses_the_oldest_and_shows_the_gap():
    frames = FrameQueue(3)
    for index in range(5):
        frames.put(frame(index))
    assert frames.dropped == 2
    got = frames.get(0, 3)
    assert [(one.index, one.gap) for one in got] == [(2, True), (3, False), (4, False)]
    assert frames.get(0) == []


def test_a_reader_of_several_frames_is_woken_when_all_are_there():
    frames, got, batches = FrameQueue(), threading.Event(), []

    def read(_worker):
        batches.append(frames.get(5, 4))
        got.set()

    reader = Worker("reader", read, lambda *_: None)
    reader.start()
    for index in range(3):
        frames.put(frame(index))
    assert not got.wait(0.05)
    frames.put(frame(3))
    assert got.wait(2)
    assert [one.index for one in batches[0]] == [0, 1, 2, 3]
    assert reader.join(1)


def test_a_reader_takes_what_there_is_when_time_runs_out():
    frames = FrameQueue()
    frames.put(frame(0))
    assert [one.index for one in frames.get(0.02, 4)] == [0]


def test_an_empty_queue_waits_no_longer_than_told():
    began_s = time.monotonic()
    assert FrameQueue().get(0.05) == []
    assert 0.04 < time.monotonic() - began_s < 0.5


class Writer:
    """Sleeps as the capture thread does; what for, and how long it took."""

    def __init__(self, frames, sleep_s):
        self.lulls = queue.Queue()

        def run(_worker):
            began_s = time.monotonic()
            asked = []
            missing = frames.lull(lambda count: asked.append(count) or began_s + sleep_s)
            self.lulls.put((asked, missing, time.monotonic() - began_s))

        self.worker = Worker("writer", run, lambda *_: None)
        self.worker.start()


def test_a_writer_sleeps_until_the_frame_that_its_reader_waits_for():
    frames = FrameQueue()
    assert frames.get(0, 4) == []
    frames.put(frame(0))
    asked, missing, slept_s = Writer(frames, 0.1).lulls.get(timeout=2)
    assert (asked, missing) == ([3], 3)
    assert slept_s == pytest.approx(0.1, abs=0.05)


def test_a_writer_whose_reader_waits_for_the_next_frame_does_not_sleep():
    frames = FrameQueue()
    assert Writer(frames, 5.0).lulls.get(timeout=2)[1] == 1
    assert frames.get(0, 4) == []
    for index in range(3):
        frames.put(frame(index))
    assert Writer(frames, 5.0).lulls.get(timeout=2)[1] == 1


def test_a_writer_ahead_of_its_reader_sleeps_for_the_batch_after():
    frames = FrameQueue()
    assert frames.get(0, 4) == []
    for index in range(6):
        frames.put(frame(index))
    assert Writer(frames, 0.0).lulls.get(timeout=2)[:2] == ([2], 2)


@pytest.mark.parametrize(
    "hurry", [lambda frames: frames.get(0, 1), lambda frames: frames.close()], ids=["get", "close"]
)
def test_a_writer_is_woken_by_a_reader_who_wants_fewer(hurry):
    frames = FrameQueue()
    assert frames.get(0, 4) == []
    writer = Writer(frames, 5.0)
    time.sleep(0.05)
    assert writer.lulls.empty()
    hurry(frames)
    assert writer.lulls.get(timeout=1)[1] == 1
    assert Writer(frames, 5.0).lulls.get(timeout=1)[2] < 1.0


def test_a_writer_sleeps_on_for_a_reader_who_wants_as_many_again():
    frames = FrameQueue()
    assert frames.get(0, 4) == []
    writer = Writer(frames, 0.3)
    assert frames.get(0.05, 4) == []
    assert writer.lulls.get(timeout=2)[1] == 4


class Script:
    """A source that gives its blocks, then fails or goes on with silence."""

    kept_ms = 280

    def __init__(self, *blocks):
        self.blocks = list(blocks)
        self.closed = 0

    def read(self, _least_frames=1):
        block = self.blocks.pop(0) if self.blocks else SourceBlock(np.zeros(320, np.int16))
        if isinstance(block, Exception):
            raise block
        time.sleep(0.001)
        return block

    def close(self):
        self.closed += 1


class Studio:
    def __init__(self, *opens, bound=1000):
        self.opens = list(opens)
        self.states = queue.Queue()
        self.crashes = queue.Queue()
        self.frames = FrameQueue(bound)
        self.capture = Capture(
            self.open,
            self.frames,
            lambda error: self.states.put(error and str(error)),
            lambda name, error: self.crashes.put((name, error)),
            "hw:1",
        )
        self.capture.start()

    def open(self):
        source = self.opens.pop(0)
        if isinstance(source, Exception):
            raise source
        return source

    def close(self):
        self.capture.stop()
        assert self.capture.join(2)


def test_a_failing_microphone_is_told_and_opened_anew():
    first = Script(SourceBlock(ramp(640)), DeviceError("hw:Mic", "Input/output error"))
    last = Script(SourceBlock(ramp(320), xruns=2))
    one = Studio(first, DeviceError("hw:Mic", "No such device"), last)
    began_s = time.monotonic()
    states = [one.states.get(timeout=3) for _ in range(4)]
    assert states == [None, "hw:Mic: Input/output error", "hw:Mic: No such device", None]
    assert time.monotonic() - began_s == pytest.approx(0.25 + 0.5, abs=0.2), "waits longer each time"
    one.close()
    assert (first.closed, last.closed) == (1, 1)
    got = one.frames.get(0, 4)
    assert [(frame.index, frame.gap) for frame in got] == [(0, False), (1, False), (2, True), (3, False)]
    assert one.capture.xruns == 2
    assert one.capture.frames >= 4
    assert one.crashes.empty()


@pytest.mark.parametrize(("held_frames", "waited_s"), [(1, 0.25 + 0.5), (STEADY_FRAMES, 0.25 + 0.25)])
def test_one_that_works_for_a_moment_only_is_waited_for_longer_each_time(held_frames, waited_s):
    loose = [Script(SourceBlock(ramp(320 * held_frames)), DeviceError("hw:Mic", "No such device")) for _ in range(2)]
    one = Studio(*loose, Script(SourceBlock(ramp(320))))
    began_s = time.monotonic()
    states = [one.states.get(timeout=3) for _ in range(5)]
    assert states == [None, "hw:Mic: No such device"] * 2 + [None]
    assert time.monotonic() - began_s == pytest.approx(waited_s, abs=0.1)
    one.close()


def test_a_microphone_that_gives_nothing_but_zeros_is_told_opened_anew_and_welcomed_when_it_sounds():
    zeros = SourceBlock(np.zeros(FIRST_FRAMES, np.int16))
    muted, still_muted = Script(SourceBlock(ramp(640)), zeros), Script(zeros, SourceBlock(ramp(320)))
    one = Studio(muted, still_muted)
    states = [one.states.get(timeout=5) for _ in range(3)]
    assert states[0] is None
    assert states[1].startswith("hw:1: gives no sound at all, not even noise (is it muted")
    assert states[2] is None
    assert one.opens == []
    assert muted.closed == 1
    one.close()


def test_frames_that_nobody_fetches_are_counted():
    one = Studio(Script(), bound=2)
    while one.capture.frames < 5:
        time.sleep(0.002)
    one.close()
    assert one.capture.dropped == one.capture.frames - 2


def test_a_bug_in_the_thread_is_reported():
    one = Studio(Script(ValueError("bug")))
    name, error = one.crashes.get(timeout=2)
    assert name == "capture"
    assert isinstance(error, ValueError)
    one.close()


class Ticking:
    """A card that fills at its own pace, whoever reads; it notes for how much it was asked, and when."""

    def __init__(self, kept_ms=280):
        self.kept_ms = kept_ms
        self.began_s = time.monotonic()
        self.given = 0
        self.asked = []

    def read(self, least_frames=1):
        self.asked.append((least_frames, time.monotonic()))
        due_s = self.began_s + (self.given + max(least_frames, 320)) / 16_000
        time.sleep(max(0.0, due_s - time.monotonic()))
        there = int((time.monotonic() - self.began_s) * 16_000) // 320 * 320 - self.given
        self.given += there
        return SourceBlock(ramp(there))

    def close(self):
        pass


def test_a_reader_of_four_frames_lets_the_thread_sleep_and_gets_them_as_early_as_one_of_single_frames():
    card = Ticking()
    one = Studio(card)
    for count in (4, 1):
        one.frames.get(1.0, count)
        asked = len(card.asked)
        late_s = []
        for _ in range(24 // count):
            got = one.frames.get(1.0, count)
            assert len(got) == count
            late_s.append(time.monotonic() - card.began_s - (got[-1].index + 1) * 0.02)
            assert [now.captured_at_s - last.captured_at_s for last, now in itertools.pairwise(got)] == pytest.approx(
                [0.02] * (count - 1)
            )
        assert statistics.median(late_s) < 0.01
        assert (len(card.asked) - asked) * count == pytest.approx(24, abs=2 * count), "one read for each batch"
    one.close()
    assert one.capture.xruns == one.capture.dropped == 0


def test_a_card_that_keeps_little_is_read_period_by_period():
    card = Ticking(kept_ms=120)
    one = Studio(card)
    for _ in range(4):
        one.frames.get(1.0, 4)
    one.close()
    assert all(least == 320 for least, _ in card.asked)
    assert len(card.asked) >= 12


@pytest.mark.alsa
def test_what_is_said_into_the_card_arrives_in_time(sound_card):
    from speakerd.hw.microphone import AlsaSource

    burst = np.random.default_rng(0).integers(-12_000, 12_000, 8_000).astype(np.int16)
    frames, states = FrameQueue(10_000), queue.Queue()
    capture = Capture(lambda: AlsaSource("speakerd_mic", 16_000, 0), frames, states.put, lambda *_: None)
    capture.start()
    assert states.get(timeout=3) is None
    began_s = time.monotonic()
    speak(sound_card, burst, 16_000).wait()
    time.sleep(0.2)
    capture.stop()
    assert capture.join(2)
    heard = frames.get(0, 10_000)
    assert [one.index for one in heard] == list(range(len(heard)))
    assert not any(one.gap for one in heard)
    loud = [one for one in heard if np.max(np.abs(one.samples)) > 2000]
    assert len(loud) in (25, 26), "half a second, without a hole"
    assert 0 < loud[0].captured_at_s - began_s < 0.5
    assert loud[-1].captured_at_s - loud[0].captured_at_s == pytest.approx((len(loud) - 1) * 0.02, abs=0.02)
