"""Who takes nothing, and for how long."""

from __future__ import annotations

import pytest

from speakerd.relay.pending import Pending


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_who_takes_nothing_is_found_and_who_has_taken_is_not():
    clock = Clock()
    pending = Pending[str](clock)
    with pending.to("a"):
        clock.now_s += 10
        with pending.to("b"):
            assert pending.stalled(clock.now_s, 9) == ["a"]
            assert pending.stalled(clock.now_s, 10) == []
    assert pending.stalled(clock.now_s + 100, 9) == []


def test_a_second_message_to_the_same_peer_does_not_hide_the_first():
    clock = Clock()
    pending = Pending[str](clock)
    with pending.to("a"):
        clock.now_s += 10
        also = pending.to("a")
        also.__enter__()
        assert pending.stalled(clock.now_s, 9) == ["a"]


def test_each_piece_has_its_own_time():
    clock = Clock()
    pending = Pending[str](clock)
    with pending.to("a"):
        clock.now_s += 10
        pending.begin("a")
        assert pending.stalled(clock.now_s + 9, 9) == []
        pending.taken("a")
        assert pending.stalled(clock.now_s + 99, 9) == []


def test_what_fails_is_over():
    pending = Pending[str](Clock())
    with pytest.raises(KeyError), pending.to("a"):
        raise KeyError
    assert pending.stalled(1_000.0, 9) == []
