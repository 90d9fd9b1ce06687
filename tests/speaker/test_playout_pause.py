"""Pauses and fades: the ear gets every sample once at its full level."""

from __future__ import annotations

import numpy as np
import pytest
from support.numbered import PERIOD, Room, sound

from speakerd.conversation.events import ItemHeard
from speakerd.speaker.playout import Playout


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
