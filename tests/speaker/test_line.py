"""Deltas and earcons in, periods out: mixing, volume, what survives a drop."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.pcm import to_bytes
from speakerd.speaker.line import Line

RATE = 24_000
PERIOD = 480
PING = np.arange(1, 1201).astype(np.int16)


def make(volume_percent=100, prefill_ms=0):
    return Line(RATE, {"wake": PING, "error": np.zeros(0, np.int16)}, prefill_ms, volume_percent)


def periods(line, count):
    return np.concatenate([line.next_period(PERIOD)[0] for _ in range(count)])


def say(line, frames, level=1000):
    assert line.push("a", to_bytes(np.full(frames, level, np.int16)))


def test_speech_at_full_volume_is_untouched():
    line = make()
    sound = np.random.default_rng(0).integers(-32768, 32767, 2 * PERIOD).astype(np.int16)
    line.push("a", to_bytes(sound))
    line.end_response()
    assert np.array_equal(periods(line, 2), sound)


def test_an_earcon_begins_with_the_next_period_and_adds_to_speech():
    line = make()
    say(line, 10 * PERIOD)
    periods(line, 1)
    line.play_earcon("wake")
    out = periods(line, 4).astype(int)
    assert np.array_equal(out[:1200], PING.astype(int) + 1000)
    assert np.all(out[1200:] == 1000)


def test_an_earcon_that_is_off_and_one_that_is_unknown():
    line = make()
    line.play_earcon("error")
    assert line.idle
    with pytest.raises(KeyError):
        line.play_earcon("nonsense")


def test_loud_sums_are_clipped_not_wrapped():
    line = make()
    say(line, 10 * PERIOD, 32_000)
    line.play_earcon("wake")
    assert periods(line, 3).max() == 32767
    assert periods(line, 3).min() >= 0


def test_volume_is_a_square_law_and_glides():
    line = make(volume_percent=50)
    assert line.volume_percent == 50
    say(line, 10 * PERIOD, 8000)
    assert np.all(periods(line, 1) == 2000)
    line.volume_percent = 100
    glide = periods(line, 1).astype(int)
    assert glide[0] == 2000
    assert glide[-1] == 8000
    assert np.max(np.diff(glide)) <= 13  # 6000 over 480 samples, and rounding
    assert np.all(periods(line, 1) == 8000)
    line.volume_percent = 0
    periods(line, 1)
    assert not periods(line, 1).any()


@pytest.mark.parametrize("percent", range(0, 101, 5))
def test_volume_reads_back(percent):
    assert make(percent).volume_percent == percent


def test_a_drop_rewinds_an_earcon_but_not_speech():
    line = make()
    say(line, 10 * PERIOD)
    line.play_earcon("wake")
    first = periods(line, 2).astype(int) - 1000
    line.cut()
    line.drop(PERIOD)
    second = periods(line, 3)
    assert np.array_equal(first[:PERIOD], PING[:PERIOD])
    assert np.array_equal(second[: 1200 - PERIOD], PING[PERIOD:])
    assert not second[1200 - PERIOD :].any()
    assert line.playout.settle()[0].heard_ms == 20


def test_an_earcon_ordered_just_before_a_drop_begins_at_once():
    line = make()
    say(line, 10 * PERIOD)
    periods(line, 4)
    line.play_earcon("wake")
    line.cut()
    line.drop(3 * PERIOD)
    assert np.array_equal(periods(line, 3)[:1200], PING)


def test_many_earcons_at_once_are_bounded():
    line = make()
    for _ in range(100):
        line.play_earcon("wake")
    assert np.array_equal(periods(line, 1), 4 * PING[:PERIOD])


def test_idle_is_nothing_to_play():
    line = make(prefill_ms=60)
    assert line.idle
    say(line, 100)
    assert not line.idle
    line.end_response()
    periods(line, 1)
    assert not line.idle
    line.playout.advance(0)
    assert line.idle


def test_no_room_is_told():
    line = Line(RATE, {}, 0, 100, bound_s=120.0)
    minute = np.zeros(60 * RATE, np.int16)
    assert [line.push("a", to_bytes(minute)) for _ in range(3)] == [True, True, False]
