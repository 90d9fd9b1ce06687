"""The loudspeaker's thread: against silent and breaking devices, and against the virtual card, heard from outside."""

from __future__ import annotations

import queue
import threading
import time

import numpy as np
import pytest

from speakerd.conversation.events import ItemHeard, PlayoutDrained, PlayoutFlushed, PlayoutStarted
from speakerd.demo.recording import Recorder
from speakerd.errors import DeviceError
from speakerd.hw.silent import SilentSink
from speakerd.pcm import level_dbfs, to_bytes
from speakerd.speaker import playback as playback_module
from speakerd.speaker.earcons import Earcons
from speakerd.speaker.playback import Playback

WIRE = 24_000


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
            self.states.put,
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


@pytest.fixture
def studio():
    made = []

    def build(open_sink=lambda: SilentSink(48_000, 80), **options):
        made.append(Studio(open_sink, **options))
        return made[-1]

    yield build
    for one in made:
        one.close()


@pytest.fixture
def alsa_sink(sound_card):
    from speakerd.hw.loudspeaker import AlsaSink

    return lambda: AlsaSink("speakerd_speaker", 48_000, 80)


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


class Breaking(SilentSink):
    """A card that is pulled out after some writes."""

    def __init__(self, writes):
        super().__init__(48_000, 80)
        self.left = writes

    def write(self, samples):
        self.left -= 1
        if self.left < 0:
            raise DeviceError("hw:Gone", "No such device")
        return super().write(samples)


def test_a_lost_card_is_told_and_the_sound_goes_on_unheard_until_it_is_back(studio):
    sinks = [Breaking(10), None, SilentSink(48_000, 80)]

    def open_sink():
        sink = sinks.pop(0)
        if sink is None:
            raise DeviceError("hw:Gone", "No such file or directory")
        return sink

    one = studio(open_sink)
    began_s = time.monotonic()
    one.say("a", 0.5, end=True)
    assert one.next() == PlayoutStarted("a")
    assert one.next() == PlayoutDrained(final=True)
    assert time.monotonic() - began_s == pytest.approx(0.6, abs=0.25), "at its own pace"
    states = [one.states.get(timeout=3) for _ in range(4)]
    assert states == [None, "hw:Gone: No such device", "hw:Gone: No such file or directory", None]
    one.say("b", 0.1, end=True)
    assert one.next() == PlayoutStarted("b")


def test_a_card_that_is_opened_begins_a_new_alignment(studio, monkeypatch):
    """It is empty: sound that the one before, or its stand-in, still held would put all that follows off."""
    happened = queue.Queue()

    class Spied(playback_module.Reference):
        def interrupt(self):
            happened.put("interrupt")
            super().interrupt()

    class Another(SilentSink):
        def write(self, samples):
            happened.put("write")
            return super().write(samples)

    monkeypatch.setattr(playback_module, "Reference", Spied)
    sinks = [Breaking(10), Another(48_000, 80)]
    one = studio(lambda: happened.put("open") or sinks.pop(0))
    one.say("a", 2.0)
    order = []
    while order[-1:] != ["write"]:
        order.append(happened.get(timeout=3))
    assert order[:2] == ["open", "interrupt"]
    assert order[-3:] == ["open", "interrupt", "write"]


def test_a_card_lost_with_the_first_sound_loses_neither_started_nor_drained(studio):
    class Deaf(SilentSink):
        def write(self, samples):
            if samples.any():
                raise DeviceError("hw:Gone", "No such device")
            return super().write(samples)

    sinks = [Deaf(48_000, 80)]
    one = studio(lambda: sinks.pop() if sinks else SilentSink(48_000, 80))
    one.say("a", 0.2, end=True)
    assert one.next() == PlayoutStarted("a")
    assert one.next() == PlayoutDrained(final=True)


def test_without_any_card_a_flush_is_answered(studio):
    def none():
        raise DeviceError("default", "No such file or directory")

    one = studio(none)
    one.say("a", 2.0)
    assert one.next() == PlayoutStarted("a")
    one.playback.flush()
    assert one.next().items[0].item_id == "a"


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


def wait_for(what):
    until_s = time.monotonic() + 3.0
    while not what():
        assert time.monotonic() < until_s, "did not happen in time"
        time.sleep(0.005)


def test_a_pause_outlives_a_change_of_rate(studio):
    rates = [48_000, 44_100]
    one = studio(lambda: Breaking(8) if rates.pop(0) == 48_000 else SilentSink(44_100, 80))
    one.say("a", 1.0)
    assert one.next() == PlayoutStarted("a")
    one.playback.pause()
    assert one.next() == PlayoutDrained(final=False)
    one.say("b", 0.2, end=True)
    with pytest.raises(queue.Empty):
        one.next(0.3)
    one.playback.resume()
    assert one.next() == PlayoutStarted("b")


def test_a_flush_on_a_card_that_does_not_move_is_answered(studio):
    class Stuck(SilentSink):
        def queued_frames(self):
            return min(1920, super().queued_frames() + 1920 * self.stuck)

        stuck = False

    sink = Stuck(48_000, 80)
    one = studio(lambda: sink)
    one.say("a", 1.0)
    assert one.next() == PlayoutStarted("a")
    sink.stuck = True
    one.playback.flush()
    assert one.next(1.0).items[0].item_id == "a"


def test_a_card_that_runs_empty_is_kept_fuller(studio):
    class Late(SilentSink):
        writes = drops = 0

        def drop(self):
            self.drops += 1
            return super().drop()

        def write(self, samples):
            self.writes += 1
            return super().write(samples) + (self.writes in (5, 10, 15, 20))

    sink = Late(48_000, 80)
    one = studio(lambda: sink)
    while one.playback.periods < 30:
        time.sleep(0.01)
    assert one.playback.fill_periods == 4, "no more than it can hold"
    assert one.playback.xruns >= 4
    one.say("a", 1.0)
    assert one.next() == PlayoutStarted("a")
    wait_for(lambda: sink.queued_frames() > 2.5 * 960)
    one.playback.flush()
    assert one.next().items
    assert sink.drops == 1, "a fade would be heard too late"


def test_a_card_of_another_rate(studio):
    one = studio(lambda: SilentSink(44_100, 80))
    assert one.states.get(timeout=2) is None
    one.say("a", 0.3, end=True)
    assert one.next() == PlayoutStarted("a")
    assert one.next() == PlayoutDrained(final=True)


def test_the_end_of_a_response_lost_to_a_card_of_another_rate_is_told_once(studio):
    rates = [48_000, 44_100]
    one = studio(lambda: Breaking(3) if rates.pop(0) == 48_000 else SilentSink(44_100, 80))
    one.say("a", 1.0, end=True)
    assert one.next() == PlayoutStarted("a")
    assert one.next() == PlayoutDrained(final=True)
    with pytest.raises(queue.Empty):
        one.next(0.3)


def test_the_end_of_a_response_outlives_a_change_of_rate_before_any_sound(studio):
    sink_wanted = threading.Event()

    def slow_open():
        sink_wanted.wait(2)
        return SilentSink(44_100, 80)

    one = studio(slow_open)
    one.playback.flush()
    one.say("a", 0.1, end=True)
    sink_wanted.set()
    assert one.next() == PlayoutFlushed((ItemHeard("a", 0, 100),))
    assert one.next() == PlayoutDrained(final=True)
    with pytest.raises(queue.Empty):
        one.next(0.1)


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


@pytest.fixture
def room(sound_card):
    recorder = Recorder(sound_card, "speaker")
    recorder.start()
    yield recorder
    recorder.stop()


def loud(recording, from_s, until_s):
    """First and last sound in a stretch of time."""
    start = recording.index_at(from_s)
    found = np.flatnonzero(np.abs(recording.between(from_s, until_s)) > 1000) + start
    return recording.time_of(found[0]), recording.time_of(found[-1]), found


@pytest.mark.alsa
def test_the_card_plays_the_very_sound_and_as_soon_as_promised(studio, alsa_sink, room):
    one = studio(alsa_sink)
    assert one.states.get(timeout=2) is None
    time.sleep(0.2)
    asked_s = time.monotonic()
    one.say("a", 0.5, end=True)
    assert one.next() == PlayoutStarted("a")
    assert one.next() == PlayoutDrained(final=True)
    drained_s = time.monotonic()
    time.sleep(0.1)
    recording = room.stop()
    first_s, last_s, found = loud(recording, asked_s, drained_s + 0.1)
    assert first_s - asked_s <= 0.100 + 0.080 + 0.020
    assert found.size == pytest.approx(0.5 * 48_000, abs=20), "whole, without a hole"
    assert np.max(np.diff(found)) == 1
    assert abs(drained_s - last_s) < 0.06


@pytest.mark.alsa
def test_flush_silences_the_card_and_tells_the_truth(studio, alsa_sink, room):
    one = studio(alsa_sink)
    one.states.get(timeout=2)
    flushes = []
    for number, seconds in enumerate((0.31, 0.47, 0.66)):
        began_s = time.monotonic()
        one.say(f"i{number}", 2.0)
        assert one.next() == PlayoutStarted(f"i{number}")
        time.sleep(seconds)
        asked_s = time.monotonic()
        one.playback.flush()
        flushes.append((began_s, asked_s, one.next()))
        time.sleep(0.3)
    recording = room.stop()
    for began_s, asked_s, event in flushes:
        first_s, last_s, _ = loud(recording, began_s, asked_s + 0.25)
        assert last_s - asked_s <= 0.060
        (cut,) = event.items
        assert abs(cut.heard_ms - (last_s - first_s) * 1000) <= 40


@pytest.mark.alsa
def test_a_pause_silences_the_card_and_loses_nothing(studio, alsa_sink, room):
    one = studio(alsa_sink)
    one.states.get(timeout=2)
    began_s = time.monotonic()
    one.say("a", 1.0, end=True)
    assert one.next() == PlayoutStarted("a")
    time.sleep(0.43)
    paused_s = time.monotonic()
    one.playback.pause()
    time.sleep(0.6)
    resumed_s = time.monotonic()
    one.playback.resume()
    assert one.next() == PlayoutDrained(final=True)
    time.sleep(0.1)
    recording = room.stop()
    _, silent_s, before = loud(recording, began_s, resumed_s)
    again_s, _, after = loud(recording, resumed_s, resumed_s + 1.0)
    assert silent_s - paused_s <= 0.060
    assert again_s - resumed_s <= 0.060
    # A second of sound and, of 20 ms that were heard faded, what is louder than 1000 of 8000.
    assert before.size + after.size == pytest.approx(48_000 + 480, abs=250)
    assert max(np.max(np.diff(before)), np.max(np.diff(after))) < 48, "no hole; where it fades, the noise shows"


@pytest.mark.alsa
def test_an_earcon_survives_a_flush_of_speech(studio, alsa_sink, room):
    one = studio(alsa_sink)
    one.states.get(timeout=2)
    one.say("a", 2.0)
    assert one.next() == PlayoutStarted("a")
    time.sleep(0.3)
    one.playback.play_earcon("wake")
    time.sleep(0.02)
    one.playback.flush()
    one.next()
    time.sleep(0.5)
    recording = room.stop()
    wake = Earcons(-20.0).at_rate(48_000)["wake"]
    _, fit = recording.find(wake[70 * 48 :])  # its beginning is mixed with speech
    assert fit > 0.95


@pytest.mark.alsa
def test_a_loudspeaker_pulled_out_and_put_back(studio, alsa_sink, sound_card):
    one = studio(alsa_sink)
    assert one.states.get(timeout=2) is None
    one.say("a", 30.0)
    assert one.next() == PlayoutStarted("a")
    sound_card.unplug("speaker")
    try:
        assert "speakerd_speaker" in one.states.get(timeout=2)
        one.playback.flush()
        assert one.next().items[0].item_id == "a"
    finally:
        sound_card.plug("speaker")
    while one.states.get(timeout=6) is not None:
        pass
    one.say("b", 0.1, end=True)
    assert one.next() == PlayoutStarted("b")
    assert one.next() == PlayoutDrained(final=True)
