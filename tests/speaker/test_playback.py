"""The loudspeaker's thread, against silent devices."""

from __future__ import annotations

import queue
import threading
import time

import numpy as np
import pytest
from support.studio import Studio, wait_for

from speakerd.conversation.events import ItemHeard, PlayoutDrained, PlayoutFlushed, PlayoutStarted
from speakerd.hw.silent import SilentSink
from speakerd.pcm import level_dbfs
from speakerd.speaker import playback as playback_module


def test_started_then_drained(studio):
    one = studio()
    assert one.states.get(timeout=2) is None
    began_s = time.monotonic()
    one.say("a", 0.2, end=True)
    assert one.next() == PlayoutStarted("a")
    assert one.playback.playing
    assert one.next() == PlayoutDrained(final=True)
    assert 0.2 <= time.monotonic() - began_s < 0.5
    assert not one.playback.playing
    assert (one.playback.xruns, one.playback.underruns) == (0, 0)


def test_flush_is_answered_always_and_at_once(studio):
    one = studio()
    one.playback.flush()
    assert one.next() == PlayoutFlushed(())
    one.say("a", 2.0)
    assert one.next() == PlayoutStarted("a")
    time.sleep(0.2)
    asked_s = time.monotonic()
    one.playback.flush()
    one.playback.flush()
    told_s, event = one.events.get(timeout=1)
    assert told_s - asked_s < 0.1
    (cut,) = event.items
    assert (cut.item_id, cut.received_ms) == ("a", 2000)
    assert 100 <= cut.heard_ms <= 240
    assert one.next() == PlayoutFlushed(()), "each flush has its answer"
    with pytest.raises(queue.Empty):
        one.next(0.2)


def test_flush_does_not_wait_for_the_card(studio):
    class Slow(SilentSink):
        period_frames = 48_000

    one = studio(lambda: Slow(48_000, 4_000))
    one.say("a", 10.0)
    while one.playback.periods < 5:
        time.sleep(0.01)
    asked_s = time.monotonic()
    one.playback.flush()
    while not isinstance(one.next(), PlayoutFlushed):
        pass
    assert time.monotonic() - asked_s < 0.3


def test_flush_before_the_thread_runs_is_not_lost():
    sink_wanted = threading.Event()

    def slow_open():
        sink_wanted.wait(2)
        return SilentSink(48_000, 80)

    one = Studio(slow_open)
    one.say("a", 1.0)
    one.playback.flush()
    sink_wanted.set()
    assert one.next() == PlayoutFlushed((ItemHeard("a", 0, 1000),))
    one.close()


def listen(one, seconds):
    """The reference of so many seconds, pulled in step as the front-end does."""
    pulled = []
    for _ in range(round(seconds * 50)):
        time.sleep(0.02)
        pulled.append(one.playback.far_frame(gap=False))
    return pulled


def loudest_dbfs(frames):
    return max(level_dbfs(frame.samples) for frame in frames)


def test_the_reference_is_what_sounds(studio):
    one = studio()
    assert loudest_dbfs(listen(one, 0.2)) == -120
    one.say("a", 1.0)
    frames = listen(one, 0.6)
    assert loudest_dbfs(frames) == pytest.approx(-12.2, abs=0.5)
    assert frames[-1].playing
    one.playback.flush()
    one.next()
    one.next()
    listen(one, 0.1)
    frames = listen(one, 0.2)
    assert loudest_dbfs(frames) == -120
    assert not any(frame.playing for frame in frames)


def test_earcons_raise_no_events(studio):
    one = studio()
    one.playback.play_earcon("wake")
    frames = listen(one, 0.3)
    assert loudest_dbfs(frames) > -40
    assert not any(frame.playing for frame in frames)
    with pytest.raises(queue.Empty):
        one.next(0.3)


def test_too_much_is_refused_to_the_end_of_the_response(studio):
    one = studio(bound_s=2.0)
    assert not one.say("a", 2.1)
    assert not one.say("a", 0.1)
    one.playback.end_response()
    assert one.say("b", 0.1)


def test_a_reply_of_three_minutes_fits(studio):
    one = studio()
    assert one.say("a", 180.0)
    assert one.say("a", 29.0)
    assert not one.say("a", 1.5)


def test_the_end_of_a_response_is_told_also_if_nothing_sounded(studio):
    one = studio()
    for _ in range(2):
        asked_s = time.monotonic()
        one.playback.end_response()
        told_s, event = one.events.get(timeout=2)
        assert event == PlayoutDrained(final=True)
        assert told_s - asked_s < 0.2
    with pytest.raises(queue.Empty):
        one.next(0.1)


def test_the_end_after_a_dry_run_is_told_when_the_rest_was_heard(studio):
    one = studio()
    one.say("a", 0.15)
    assert one.next() == PlayoutStarted("a")
    assert one.next() == PlayoutDrained(final=False)
    one.say("a", 0.05, end=True)
    assert one.next() == PlayoutStarted("a")
    assert one.next() == PlayoutDrained(final=True)
    with pytest.raises(queue.Empty):
        one.next(0.1)


def test_a_flush_takes_the_place_of_drained(studio):
    one = studio()
    one.say("a", 1.0, end=True)
    assert one.next() == PlayoutStarted("a")
    one.playback.flush()
    assert isinstance(one.next(), PlayoutFlushed)
    with pytest.raises(queue.Empty):
        one.next(0.2)


def test_the_end_of_a_response_after_a_flush_is_told_after_its_answer(studio):
    one = studio()
    for _ in range(5):
        one.say("a", 1.0)
        assert one.next() == PlayoutStarted("a")
        one.playback.flush()
        one.playback.end_response()
        assert isinstance(one.next(), PlayoutFlushed)
        assert one.next() == PlayoutDrained(final=True)


def test_a_pause_holds_the_sound_and_resume_goes_on(studio):
    one = studio()
    one.say("a", 0.4, end=True)
    assert one.next() == PlayoutStarted("a")
    time.sleep(0.1)
    one.playback.pause()
    assert one.playback.playing, "what is in the card still sounds"
    wait_for(lambda: not one.playback.playing)
    one.say("b", 0.1, end=True)
    with pytest.raises(queue.Empty):
        one.next(0.7)
    one.playback.resume()
    resumed_s = time.monotonic()
    assert one.next() == PlayoutDrained(final=True)
    assert 0.3 <= time.monotonic() - resumed_s < 1.0
    assert not one.playback.playing


def test_what_was_heard_to_its_end_drains_though_paused(studio):
    one = studio()
    one.say("a", 0.12, end=True)
    assert one.next() == PlayoutStarted("a")
    while one.playback._line.playout.waiting_frames:
        time.sleep(0.002)
    one.playback.pause()
    assert one.next() == PlayoutDrained(final=True)


class Listening(SilentSink):
    """Remembers how loud the newest periods were."""

    def __init__(self):
        super().__init__(48_000, 80)
        self.levels, self.peaks = [], []

    def write(self, samples):
        self.levels.append(float(np.median(samples)))
        self.peaks.append(int(np.abs(samples.astype(int)).max()))
        return super().write(samples)


def test_a_flush_ends_a_pause_and_a_duck(studio):
    sink = Listening()
    one = studio(lambda: sink)
    one.say("a", 1.0)
    assert one.next() == PlayoutStarted("a")
    one.playback.duck()
    time.sleep(0.2)
    one.playback.pause()
    time.sleep(0.2)
    one.playback.flush()
    (cut,) = one.next().items
    assert 150 <= cut.heard_ms <= 320
    written = len(sink.levels)
    one.say("b", 0.2, end=True)
    assert one.next() == PlayoutStarted("b")
    assert one.next() == PlayoutDrained(final=True)
    first = next(level for level in sink.levels[written:] if level)
    assert first == pytest.approx(8000, abs=200), "at full level from its beginning"


def test_a_ducked_voice_is_quieter_and_an_earcon_is_not(studio):
    sink = Listening()
    one = studio(lambda: sink, duck_db=20.0)
    one.say("a", 10.0)
    assert one.next() == PlayoutStarted("a")
    wait_for(lambda: sink.levels[-1] == pytest.approx(8000, abs=100))
    one.playback.duck()
    wait_for(lambda: sink.levels[-1] == pytest.approx(800, abs=10))
    sink.peaks.clear()
    one.playback.play_earcon("wake")
    wait_for(lambda: len(sink.peaks) >= 5)
    assert max(sink.peaks) == pytest.approx(800 + 3277, abs=200)
    one.playback.restore()
    wait_for(lambda: sink.levels[-1] == pytest.approx(8000, abs=100))
    one.playback.flush()


def test_a_bug_in_the_thread_is_reported():
    def broken():
        raise ZeroDivisionError

    one = Studio(broken)
    assert one.playback.join(2)
    ((name, error),) = one.crashes
    assert name == "playback"
    assert isinstance(error, ZeroDivisionError)


def test_an_idle_card_rests_and_wakes(studio, monkeypatch):
    monkeypatch.setattr(playback_module, "_REST_AFTER_PERIODS", 5)
    drops = queue.Queue()

    class Watched(SilentSink):
        def drop(self):
            drops.put(time.monotonic())
            return super().drop()

    one = studio(lambda: Watched(48_000, 80))
    drops.get(timeout=2)
    for item_id in ("a", "b"):
        asked_s = time.monotonic()
        one.say(item_id, 0.1, end=True)
        told_s, event = one.events.get(timeout=2)
        assert event == PlayoutStarted(item_id)
        assert told_s - asked_s < 0.1
        assert one.next() == PlayoutDrained(final=True)
    one.playback.flush()
    assert one.next() == PlayoutFlushed(())
    drops.queue.clear()
    drops.get(timeout=2)
    asked_s = time.monotonic()
    one.playback.end_response()
    told_s, event = one.events.get(timeout=2)
    assert (event, told_s - asked_s < 0.1) == (PlayoutDrained(final=True), True), "promptly, though the card rested"
    periods = one.playback.periods
    time.sleep(1.2)
    assert one.playback.periods > periods, "a resting thread still shows that it lives"
