"""The loudspeaker's thread: cards that break, are lost, change or fall behind."""

from __future__ import annotations

import queue
import threading
import time

import pytest
from support.studio import wait_for

from speakerd.conversation.events import ItemHeard, PlayoutDrained, PlayoutFlushed, PlayoutStarted
from speakerd.errors import DeviceError, DeviceHungError
from speakerd.hw.silent import SilentSink
from speakerd.speaker import playback as playback_module


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


@pytest.mark.parametrize("resting", [False, True], ids=["fed", "resting"])
def test_a_card_that_opens_and_takes_nothing_is_not_said_to_work_and_is_waited_for_longer(studio, resting):
    class Hung(SilentSink):
        def __init__(self):
            super().__init__(48_000, 80)
            opened_s.append(time.monotonic())
            self.held = 0

        def write(self, samples):
            self.held += samples.size
            return 0

        def queued_frames(self):
            if self.held and time.monotonic() > opened_s[-1] + 0.1:
                raise DeviceHungError("hw:Hung", "took no sound")
            return self.held

        def close(self):
            pass

    opened_s: list[float] = []
    awake = threading.Event()
    made = []

    def open_sink():
        if resting and made:  # nothing has sounded for long
            made[0].playback._idle_periods = 10_000
        return SilentSink(48_000, 80) if awake.is_set() else Hung()

    one = studio(open_sink)
    made.append(one)
    assert [one.states.get(timeout=3) for _ in range(3)] == ["hw:Hung: took no sound"] * 3
    assert opened_s[2] - opened_s[1] > 1.3 * (opened_s[1] - opened_s[0])
    awake.set()
    while one.states.get(timeout=3) is not None:
        pass


def test_where_there_is_no_card_none_runs_empty(studio, monkeypatch):
    class Hurried(SilentSink):
        def write(self, samples):
            return super().write(samples) + 1

    def no_card():
        raise DeviceError("hw:Gone", "No such file or directory")

    monkeypatch.setattr(playback_module, "SilentSink", Hurried)
    one = studio(no_card)
    wait_for(lambda: one.playback.periods > 5)
    assert one.playback.xruns == 0


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
    assert one.next().items[0].item_id == "a"


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


def test_what_is_counted_outlives_a_change_of_rate(studio):
    first = Breaking(1_000)
    sinks = [first, SilentSink(44_100, 80)]
    one = studio(lambda: sinks.pop(0))
    one.say("a", 0.2)
    assert one.next() == PlayoutStarted("a")
    assert one.next() == PlayoutDrained(final=False)
    one.say("a", 0.2)
    assert one.playback.underruns == 1
    first.left = 0
    assert [one.states.get(timeout=3) for _ in range(3)][-1] is None
    wait_for(lambda: one.playback._line.rate_hz == 44_100)
    assert one.playback.underruns == 1


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
