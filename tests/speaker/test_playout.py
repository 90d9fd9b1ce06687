"""The jitter buffer and its account, against a card simulated sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerd.conversation.events import ItemHeard
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


def test_silence_until_the_prefill_is_there():
    room = Room(prefill_ms=60)
    room.push("a", 3 * PERIOD - 1)
    room.tick(5)
    assert not sound(room.queue + room.heard)
    room.push("a", 1)
    room.tick()
    assert room.queue[-PERIOD:] == room.pushed["a"][:PERIOD]
    assert room.started == ["a"]


def test_less_than_the_prefill_plays_when_the_response_is_complete():
    room = Room(prefill_ms=60)
    room.push("a", 100)
    room.playout.end_response()
    room.tick(6)
    assert sound(room.heard) == room.pushed["a"]
    assert (room.started, room.drained, room.playout.underruns) == (["a"], 1, 0)


def test_drained_is_told_once_when_the_last_frame_was_heard():
    room = Room()
    room.push("a", 4 * PERIOD)
    room.playout.end_response()
    for _ in range(20):
        room.tick()
        assert room.drained == (sound(room.heard) == room.pushed["a"])
    assert not room.playout.playing


def test_an_underrun_is_counted_and_collects_the_prefill_anew():
    room = Room(prefill_ms=60)
    room.push("a", 3 * PERIOD)
    room.tick(4)
    assert room.playout.underruns == 0
    room.push("a", 2 * PERIOD)
    assert room.playout.underruns == 1
    room.tick(2)
    assert len(sound(room.queue + room.heard)) == 3 * PERIOD
    room.push("a", PERIOD)
    room.tick(8)
    assert sound(room.heard) == room.pushed["a"]
    assert room.playout.underruns == 1


def test_a_late_end_of_the_response_is_no_underrun():
    room = Room()
    room.push("a", 10 * PERIOD)
    room.tick(20)
    room.playout.end_response()
    room.push("b", 10 * PERIOD)
    room.tick(20)
    assert room.playout.underruns == 0
    assert room.started == ["a", "b"]
    assert room.drained == 2


def test_a_flush_tells_what_left_the_loudspeaker():
    room = Room()
    room.push("a", 50 * PERIOD)
    room.tick(20)
    assert room.flush(played_meanwhile=100) == (ItemHeard("a", (16 * PERIOD + 100) // 24, 1000),)
    assert len(sound(room.heard)) == 16 * PERIOD + 100
    assert not room.playout.playing
    room.tick(10)
    assert len(sound(room.heard + room.queue)) == 16 * PERIOD + 100


def test_items_cut_are_told_in_playing_order_and_whole_ones_are_not():
    room = Room()
    for item_id in ("whole", "half", "never"):
        room.push(item_id, 10 * PERIOD)
    room.tick(18)
    assert room.flush() == (ItemHeard("half", 80, 200), ItemHeard("never", 0, 200))


def test_an_item_heard_as_far_as_it_came_is_cut_while_more_is_to_come():
    room = Room()
    room.push("a", 10 * PERIOD)
    room.tick(30)
    assert room.flush() == (ItemHeard("a", 200, 200),)
    room.push("b", 10 * PERIOD)
    room.playout.end_response()
    room.tick(30)
    assert room.flush() == ()


def test_the_tail_in_the_card_of_a_complete_item_is_cut_too():
    room = Room()
    room.push("a", 10 * PERIOD)
    room.playout.end_response()
    room.tick(12)
    assert room.flush() == (ItemHeard("a", 160, 200),)


def test_a_flush_before_any_sound_tells_zero():
    room = Room()
    room.push("a", PERIOD)
    room.tick(2)
    assert room.flush() == (ItemHeard("a", 0, 20),)
    assert room.flush() == ()


def test_sound_pushed_after_the_cut_survives_it():
    room = Room()
    room.push("a", 20 * PERIOD)
    room.tick(10)
    room.playout.cut()
    room.push("b", 5 * PERIOD)
    room.playout.end_response()
    room.playout.advance(len(room.queue))
    room.playout.drop(len(room.queue))
    room.queue = []
    assert room.playout.settle() == (ItemHeard("a", 120, 400),)
    room.tick(12)
    assert sound(room.heard)[-5 * PERIOD :] == room.pushed["b"]
    assert room.started == ["a", "b"]


def test_a_lost_card_was_heard_up_to_its_last_report():
    room = Room()
    room.push("a", 50 * PERIOD)
    room.tick(20)
    room.playout.drop_unheard()
    room.queue = []
    assert room.playout.frames_to_silence == 0
    assert room.flush() == (ItemHeard("a", 320, 1000),)


def test_heard_is_never_more_than_received_though_a_resampler_gave_more():
    playout = Playout(48_000, 0)
    playout.push("a", np.ones(960, np.int16), 479)  # 19.96 ms received, 20 ms of sound
    playout.pull(960)
    playout.advance(0)
    playout.cut()
    assert playout.settle() == (ItemHeard("a", 19, 19),)


def test_a_card_that_took_back_what_it_had_reported_does_not_spoil_the_next_item():
    room = Room(prefill_ms=0)
    room.push("a", 10 * PERIOD)
    room.tick(5)
    room.playout.advance(100)
    room.playout.cut()
    room.playout.drop(700)
    room.playout.settle()
    room.push("b", 10 * PERIOD)
    room.playout.pull(PERIOD)
    room.playout.advance(PERIOD)
    room.playout.cut()
    assert room.playout.settle() == (ItemHeard("b", 0, 200),)


def test_the_next_response_is_no_underrun():
    room = Room()
    for item_id in ("a", "b"):
        room.push(item_id, 10 * PERIOD)
        room.playout.end_response()
        room.tick(20)
    assert room.playout.underruns == 0


def test_no_room_beyond_the_bound():
    playout = Playout(1000, 0, bound_s=2.0)
    assert playout.push("a", np.ones(2000, np.int16), 0)
    assert not playout.push("a", np.ones(1, np.int16), 0)
    assert playout.waiting_frames == 2000


@pytest.mark.parametrize("end", [Playout.end_response, Playout.cut])
def test_a_response_that_found_no_room_is_refused_to_its_end_so_it_has_no_hole(end):
    playout = Playout(1000, 0, bound_s=2.0)
    assert playout.push("a", np.ones(1990, np.int16), 0)
    assert not playout.push("a", np.ones(11, np.int16), 0)
    playout.pull(20)
    assert not playout.push("a", np.ones(1, np.int16), 0)
    assert not playout.push("b", np.ones(1, np.int16), 0)
    assert playout.waiting_frames == 1970
    end(playout)
    assert playout.push("c", np.ones(30, np.int16), 0)


def test_an_item_cut_short_by_an_unplugged_card_is_forgotten():
    room = Room()
    room.push("old", 20 * PERIOD)
    room.playout.end_response()
    room.tick(10)
    room.playout.drop_unheard()
    room.queue = []
    room.tick(20)
    assert room.heard_of("old") == pytest.approx(16 * PERIOD, abs=240)  # it comes back faded in
    assert room.drained == 1
    room.push("new", 10 * PERIOD)
    assert room.flush() == (ItemHeard("new", 0, 200),)


def test_an_item_whose_end_an_unplugged_card_took_is_forgotten():
    room = Room()
    room.push("old", 10 * PERIOD)
    room.playout.end_response()
    room.tick(12)
    room.playout.drop_unheard()
    room.queue = []
    room.tick()
    assert room.drained == 1
    assert room.flush() == ()


def test_an_item_already_cut_is_told_though_the_card_is_lost_before_the_answer():
    room = Room()
    room.push("a", 10 * PERIOD)
    room.playout.end_response()
    room.tick(12)
    room.playout.cut()
    room.playout.drop_unheard()
    assert room.playout.settle() == (ItemHeard("a", 160, 200),)


def test_a_response_without_sound_drains_at_once():
    room = Room()
    room.tick(5)
    assert room.drained == 0
    room.playout.end_response()
    room.tick()
    assert room.drained == 1
    room.tick(5)
    assert room.drained == 1


def test_the_rest_after_a_dry_run_drains_again():
    room = Room(prefill_ms=60)
    room.push("a", 5 * PERIOD)
    room.tick(15)
    assert (room.started, room.drained) == (["a"], 1), "the network is late"
    room.push("a", PERIOD)  # less than the prefill
    room.tick(5)
    room.playout.end_response()
    room.tick()
    assert (room.started, room.drained) == (["a", "a"], 1)
    room.tick(10)
    assert (room.started, room.drained) == (["a", "a"], 2)
    assert sound(room.heard) == room.pushed["a"]


def test_the_end_of_a_response_that_had_run_dry_is_told():
    room = Room()
    room.push("a", 5 * PERIOD)
    room.tick(15)
    assert room.drained == 1
    room.playout.end_response()
    room.tick(5)
    assert (room.started, room.drained) == (["a"], 2)


def test_a_dry_run_and_the_end_at_the_same_moment_are_told_once():
    room = Room()
    room.push("a", 5 * PERIOD)
    while sound(room.heard) != room.pushed["a"]:
        assert room.drained == 0
        room.queue += room.playout.pull(PERIOD)[0].tolist()
        room.heard += room.queue[:PERIOD]
        room.queue = room.queue[PERIOD:]
    room.playout.end_response()
    room.tick(10)
    assert room.drained == 1


def test_a_flush_takes_the_place_of_drained():
    room = Room()
    room.push("a", 20 * PERIOD)
    room.playout.end_response()
    room.tick(10)
    room.flush()
    room.tick(10)
    assert room.drained == 0
    room.playout.end_response()
    room.playout.cut()
    room.flush()
    room.tick(5)
    assert room.drained == 0


def test_an_end_after_the_cut_is_told_after_the_answer():
    room = Room()
    room.push("a", 20 * PERIOD)
    room.tick(10)
    room.playout.cut()
    room.playout.end_response()
    room.playout.drop(len(room.queue))
    room.queue = []
    assert not room.playout.advance(0)
    room.playout.settle()
    room.tick(5)
    assert room.drained == 1


STEPS = st.one_of(
    st.tuples(st.just("push"), st.sampled_from(["same", "next"]), st.integers(1, 3000)),
    st.tuples(st.just("tick"), st.just(""), st.integers(1, 12)),
    st.tuples(st.just("end"), st.just(""), st.just(0)),
    st.tuples(st.just("flush"), st.just(""), st.integers(0, 4 * PERIOD)),
    st.tuples(st.just("flush"), st.just("fading"), st.just(0)),
    st.tuples(st.just("pause"), st.just(""), st.just(0)),
    st.tuples(st.just("resume"), st.just(""), st.just(0)),
)


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEPS, max_size=40), prefill_ms=st.sampled_from([0, 20, 60]))
def test_nothing_is_lost_repeated_or_invented(steps, prefill_ms):
    room = Room(prefill_ms)
    item, expected, complete = 0, [], set()
    for verb, which, amount in steps:
        if verb == "push":
            if which == "next":
                complete.add(f"i{item}")
                item += 1
            room.push(f"i{item}", amount)
        elif verb == "tick":
            room.tick(amount)
        elif verb == "end":
            room.playout.end_response()
            complete.update(room.pushed)
            item += 1
        elif verb in ("pause", "resume"):
            room.playout.paused = verb == "pause"
        else:
            cut = room.fade_and_flush() if which else room.flush(min(amount, len(room.queue)))
            for one in cut:
                received = len(room.pushed[one.item_id])
                assert one.heard_ms == room.heard_of(one.item_id) * 1000 // RATE
                assert one.heard_ms <= one.received_ms == received * 1000 // RATE
            told = {one.item_id for one in cut}
            for item_id, numbers in room.pushed.items():
                whole = room.heard_of(item_id) == len(numbers)
                assert item_id not in told or not (whole and item_id in complete)
                if item_id not in told and item_id not in expected:
                    assert whole
                expected.append(item_id)
            item += 1
        assert room.playout.playing or not sound(room.queue)
        assert not (room.playout.playing and room.playout.paused) or sound(room.queue)
    everything = [number for numbers in room.pushed.values() for number in numbers]
    positions = {number: place for place, number in enumerate(everything)}
    places = [positions[number] for number in sound(room.heard + room.queue)]
    assert places == sorted(set(places)), "in order, each sample once at most"
    for item_id, numbers in room.pushed.items():  # within an item, no hole
        own = [number for number in sound(room.heard + room.queue) if number in set(numbers)]
        assert own == numbers[: len(own)], item_id


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEPS, max_size=40), prefill_ms=st.sampled_from([0, 20, 60]))
def test_every_end_is_followed_by_one_drained_when_all_is_silent(steps, prefill_ms):
    room = Room(prefill_ms)
    owed = False
    for verb, which, amount in steps:
        drained, played = room.drained, len(room.started)
        if verb == "push":
            room.push("a", amount)
        elif verb == "tick":
            for _ in range(amount):
                before, started = room.drained, len(room.started)
                sounding = room.playout.playing
                room.tick()
                if room.drained > before:
                    assert not sound(room.queue)
                    assert not room.playout.waiting_frames
                    assert owed or sounding or len(room.started) > started
                    owed = False
        elif verb == "end":
            room.playout.end_response()
            owed = True
        elif verb in ("pause", "resume"):
            room.playout.paused = verb == "pause"
        else:
            room.fade_and_flush() if which else room.flush(min(amount, len(room.queue)))
            owed = False
        assert verb == "tick" or (room.drained, len(room.started)) == (drained, played)
    room.playout.paused = False
    drained = room.drained
    room.playout.end_response()
    room.tick(60 + room.playout.waiting_frames // PERIOD)
    assert room.drained == drained + 1
    assert not room.playout.playing


def test_a_pause_holds_the_sound_where_it_was():
    room = Room()
    room.push("a", 20 * PERIOD)
    room.playout.end_response()
    room.tick(10)
    room.playout.paused = True
    room.tick()
    assert room.playout.falls
    room.tick(30)
    assert not room.playout.playing
    assert (room.drained, sound(room.heard)) == (0, room.pushed["a"][: 10 * PERIOD])
    room.push("b", 5 * PERIOD)
    room.playout.paused = False
    room.tick()
    assert room.playout.rises
    assert room.playout.playing
    room.playout.end_response()
    room.tick(30)
    assert sound(room.heard) == room.pushed["a"] + room.pushed["b"]
    assert (room.started, room.drained, room.playout.underruns) == (["a"], 1, 0)


def test_what_faded_out_was_not_heard():
    room = Room()
    room.push("a", 50 * PERIOD)
    room.tick(20)
    assert room.fade_and_flush() == (ItemHeard("a", 400, 1000),), "the four periods in the card too"
    room.push("b", 50 * PERIOD)
    room.tick(20)
    room.playout.paused = True
    room.tick(20)
    assert room.flush() == (ItemHeard("b", 400, 1000),)


def test_a_cut_ends_a_pause():
    room = Room()
    room.push("a", 20 * PERIOD)
    room.tick(10)
    room.playout.paused = True
    room.tick(10)
    assert room.fade_and_flush() == (ItemHeard("a", 200, 400),)
    room.push("b", 5 * PERIOD)
    room.tick(2)
    assert room.started == ["a", "b"]
    assert not room.playout.rises
    assert sound(room.queue)[: 2 * PERIOD] == room.pushed["b"][: 2 * PERIOD], "from its beginning, at full level"


def test_a_pause_that_is_taken_back_at_once_changes_nothing():
    room = Room()
    room.push("a", 20 * PERIOD)
    room.tick(5)
    room.playout.paused = True
    room.playout.paused = False
    room.tick(5)
    assert not room.playout.rises
    assert sound(room.heard + room.queue) == room.pushed["a"][: 10 * PERIOD]


def test_new_sound_waits_for_the_answer_to_a_flush():
    room = Room()
    room.push("a", 20 * PERIOD)
    room.tick(10)
    room.cut()
    room.push("b", 20 * PERIOD)
    room.tick(2)
    assert not set(room.queue) & set(room.pushed["b"])
    assert room.playout.frames_to_silence > 0
    room.tick(3)
    assert room.playout.frames_to_silence == 0
    room.playout.settle()
    room.tick()
    assert sound(room.queue) == room.pushed["b"][:PERIOD]


@pytest.mark.parametrize("left", [0, 1, 30, 100])
@pytest.mark.parametrize("stop", ["pause", "cut"])
def test_sound_that_has_not_come_yet_fades_as_an_echo_of_itself(left, stop):
    playout = Playout(16_000, 0)
    playout.push("a", np.full(320 + left, 30_000, np.int16), 0)
    playout.pull(320)
    if stop == "cut":
        playout.cut()
    playout.paused = stop == "pause"
    tail = playout.pull(320)[0].astype(int)
    assert tail[0] > 29_900
    assert np.max(np.abs(np.diff(tail))) < 328
