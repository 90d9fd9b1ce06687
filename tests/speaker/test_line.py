"""Deltas and earcons in, periods out: mixing, volume, what survives a drop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerd.conversation.events import FellSilent, Sounded
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


def test_many_earcons_at_once_are_bounded_and_one_sounds_after_the_other():
    line = make()
    for _ in range(100):
        line.play_earcon("wake")
    gap = np.zeros(round(0.06 * RATE), np.int16)
    want = np.concatenate([PING, gap] * 4)
    out = periods(line, want.size // PERIOD + 1)
    assert np.array_equal(out[: want.size], want)
    assert not out[want.size :].any()


def test_an_earcon_behind_another_keeps_its_place_in_a_drop():
    line = make()
    line.play_earcon("wake")
    line.play_earcon("wake")
    periods(line, 2)
    line.cut()
    line.drop(PERIOD)
    rest = periods(line, 12)
    second = PING.size - PERIOD + round(0.06 * RATE)
    assert np.array_equal(rest[: PING.size - PERIOD], PING[PERIOD:])
    assert np.array_equal(rest[second : second + PING.size], PING)


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


def test_speech_is_ducked_and_restored_and_an_earcon_is_not():
    line = make()
    say(line, 40 * PERIOD, 10_000)
    periods(line, 1)
    line.speech_gain = 0.1
    down = periods(line, 1)
    assert (down[0], down[-1]) == (10_000, 1_000)
    assert np.all(np.diff(down.astype(int)) <= 0)
    assert np.all(periods(line, 1) == 1_000)
    line.play_earcon("wake")
    assert np.array_equal(periods(line, 3)[:1200], PING + 1_000)
    line.speech_gain = 1.0
    up = periods(line, 1)
    assert (up[0], up[-1]) == (1_000, 10_000)
    assert np.all(periods(line, 1) == 10_000)


def test_what_begins_after_silence_has_its_level_at_once():
    line = make()
    say(line, PERIOD)
    line.end_response()
    periods(line, 1)
    line.speech_gain = 0.1
    periods(line, 1)
    line.playout.advance(0)
    line.speech_gain = 1.0
    say(line, 2 * PERIOD)
    assert np.all(periods(line, 1) == 1000)


def test_a_cut_ends_a_duck_when_the_fade_is_over():
    line = make()
    say(line, 40 * PERIOD, 10_000)
    periods(line, 1)
    line.speech_gain = 0.1
    periods(line, 2)
    line.cut()
    say(line, 2 * PERIOD, 10_000)
    fade = periods(line, 1)
    assert fade[0] == 1_000
    assert not fade[PERIOD // 2 :].any()
    line.playout.advance(0)
    line.playout.settle()
    assert np.all(periods(line, 1) == 10_000)


ORDERS = st.sampled_from(["duck", "deep", "restore", "pause", "resume", "flush", "earcon", "loud", "soft"])
SOFT = np.rint(200 * (1 - np.cos(np.linspace(0, 2 * np.pi, 4_000)))).astype(np.int16)
"""An earcon without steps of its own."""


class Stage:
    """A card that keeps two periods, and a voice that steps only by what its signal does."""

    def __init__(self, rate_hz, voice):
        self.line = Line(rate_hz, {"wake": SOFT}, 0, 100)
        self.period, self.voice = rate_hz // 50, voice
        self.flushing = False
        self.earcons = 4
        self.speak()

    def speak(self):
        """More than the test can last, at the sink's rate; its beginning is soft."""
        frames = 400 * self.period
        soft = np.minimum(1.0, np.arange(frames) / (2 * self.period))
        self.line.playout.push("a", (soft * self.voice[:frames]).astype(np.int16), frames)

    def order(self, verb):
        line = self.line
        match verb:
            case "duck" | "deep" | "restore":
                line.speech_gain = {"duck": 0.178, "deep": 0.0, "restore": 1.0}[verb]
            case "pause" | "resume":
                line.playout.paused = verb == "pause"
            case "loud" | "soft":
                line.volume_percent = 100 if verb == "loud" else 0
            case "earcon" if self.earcons:  # a fifth would cut off the first
                self.earcons -= 1
                line.play_earcon("wake")
            case "flush":
                line.cut()
                self.flushing = True
                self.speak()

    def tick(self):
        samples, _ = self.line.next_period(self.period)
        self.line.playout.advance(2 * self.period)
        if self.flushing and not self.line.playout.frames_to_silence:
            self.line.playout.settle()
            self.flushing = False
        return samples


@pytest.mark.parametrize(("rate_hz", "most"), [(8_000, 0.0145), (16_000, 0.011), (44_100, 0.01), (48_000, 0.01)])
@pytest.mark.parametrize("voice", ["full scale", "hum"])
def test_no_order_makes_a_click(rate_hz, most, voice):
    """No step beyond what the voice does itself is above -40 dB of full scale.

    Where several orders meet on a slow card, whose ramps have few samples: -39 dB at 16 kHz, -36.8 dB at 8 kHz.
    """
    at = np.arange(400 * rate_hz // 50) / rate_hz
    samples = 32_767 * (np.ones(at.size) if voice == "full scale" else np.sin(2 * np.pi * 50.0 * at))
    own = np.max(np.abs(np.diff(samples)))

    @settings(max_examples=60, deadline=None)
    @given(orders=st.lists(st.tuples(ORDERS, st.integers(0, 4)), max_size=40))
    def play(orders):
        stage = Stage(rate_hz, samples)
        out = [stage.tick() for _ in range(4)]
        for verb, ticks in orders:
            stage.order(verb)
            out += [stage.tick() for _ in range(ticks)]
        out += [stage.tick() for _ in range(4)]
        steps = np.abs(np.diff(np.concatenate(out).astype(int)))
        assert np.max(steps) <= own + most * 32_768

    play()


def test_times_are_those_at_which_the_card_will_have_played_up_to_there():
    """The card holds two periods, 40 ms, when the third is written; nothing of an earcon or a reply is early."""
    line = make()
    periods(line, 2)
    assert line.take_times(2 * PERIOD, 5.0) == []
    say(line, 3 * PERIOD)
    line.play_earcon("wake")
    periods(line, 1)
    assert line.take_times(3 * PERIOD, 5.0) == [Sounded("reply", 5.04), Sounded("wake", 5.04)]
    assert line.take_times(3 * PERIOD, 5.0) == [], "told once"
    periods(line, 2)
    assert line.take_times(PERIOD, 5.1) == [], "it goes on"


def test_an_earcon_that_waits_for_another_is_told_when_it_begins():
    line = make()
    line.play_earcon("wake")
    line.play_earcon("wake")
    periods(line, 1)
    assert [round(sound.at_s, 6) for sound in line.take_times(PERIOD, 5.0)] == [5.0]
    periods(line, 5)
    (second,) = line.take_times(6 * PERIOD, 5.0)
    assert round(second.at_s, 6) == round(5.0 + PING.size / RATE + 0.06, 6)


def test_a_pause_is_silent_at_the_end_of_its_fade_and_a_drop_at_once():
    line = make()
    say(line, 20 * PERIOD)
    periods(line, 2)
    line.take_times(2 * PERIOD, 5.0)
    line.playout.paused = True
    periods(line, 1)
    (silent,) = line.take_times(2 * PERIOD, 5.02)
    assert isinstance(silent, FellSilent)
    assert 5.04 < silent.at_s <= 5.06
    periods(line, 3)
    assert line.take_times(2 * PERIOD, 5.08) == [], "it stays silent"
    line.drop(2 * PERIOD)
    assert line.take_times(0, 5.09) == [FellSilent(5.09)]


def test_what_rests_at_its_end_did_not_fall_silent():
    line = make()
    say(line, PERIOD)
    line.end_response()
    periods(line, 4)
    assert line.take_times(0, 5.0) == [Sounded("reply", 5.0 - 4 * PERIOD / RATE)]
