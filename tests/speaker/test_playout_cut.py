"""What was heard of what was cut off, or lost with its card."""

from __future__ import annotations

import numpy as np
import pytest
from support.numbered import PERIOD, Room, sound

from speakerd.conversation.events import ItemHeard
from speakerd.speaker.playout import Playout


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
