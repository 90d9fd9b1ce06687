"""One opened sink: how full it is kept, and the waiting for room."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from speakerd.hw.silent import SilentSink
from speakerd.speaker.card import Card

PERIOD = np.zeros(960, np.int16)


class Time:
    """Virtual: passes only when somebody waits."""

    def __init__(self):
        self.now_s = 0.0
        self.flag = False
        self.waits = []

    def sleep(self, seconds):
        self.now_s += seconds

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now_s += seconds
        return self.flag

    def clear(self):
        self.flag = False


@pytest.fixture
def time():
    return Time()


def make(time):
    return Card(SilentSink(48_000, 80, lambda: time.now_s, time.sleep), time)


def test_it_is_kept_at_two_periods(time):
    card = make(time)
    for _ in range(100):
        while not card.await_room(hurry=False):
            pass
        assert card.queued_frames() <= 960
        assert card.write(PERIOD) == 0
        assert card.queued_frames() <= 1920
    assert time.now_s == pytest.approx(98 * 0.02, abs=0.003)
    assert len(time.waits) <= 110, "no busy waiting"


def test_it_has_moved_once_it_played_something(time):
    card = make(time)
    assert not card.moved
    card.write(PERIOD)
    card.queued_frames()
    assert not card.moved
    time.now_s += 0.01
    card.queued_frames()
    assert card.moved


def test_what_was_dropped_did_not_move(time):
    card = make(time)
    card.write(PERIOD)
    card.drop()
    card.queued_frames()
    assert not card.moved


def test_in_a_hurry_it_waits_for_moments(time):
    card = make(time)
    card.write(PERIOD)
    card.write(PERIOD)
    assert not card.await_room(hurry=True)
    assert time.waits == [0.002]


def test_an_underrun_makes_it_fuller(time):
    card = make(time)
    card.write(PERIOD)
    time.now_s += 1.0
    assert card.write(PERIOD) == 1
    assert card.fill_periods == 3


def test_rest_ends_when_there_is_something_to_do():
    wake = threading.Event()
    sink = SilentSink(48_000, 80)
    card = Card(sink, wake)
    card.write(PERIOD)
    wake.set()
    card.rest()
    assert not wake.is_set()
    assert card.queued_frames() == 0
