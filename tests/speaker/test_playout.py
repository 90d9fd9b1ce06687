"""The jitter buffer and its account, against a card simulated sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from support.numbered import PERIOD, Room, sound

from speakerd.speaker.playout import Playout


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
