"""Streaming resampler: exact in length and time, transparent, the same however the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerd.dsp.resample import QuickResampler, Resampler

RATES = [(24_000, 48_000), (24_000, 44_100), (48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (24_000, 96_000)]


def tone(hz, rate_hz, seconds=1.0, amplitude=16000.0):
    return np.rint(amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.int16)


def convert(samples, in_hz, out_hz, chunk):
    resampler = Resampler(in_hz, out_hz)
    parts = [resampler.push(samples[start : start + chunk]) for start in range(0, samples.size, chunk)]
    return np.concatenate([*parts, resampler.flush()])


@pytest.mark.parametrize(("in_hz", "out_hz"), RATES)
@pytest.mark.parametrize("hz", [300, 1000, 3000])
def test_a_tone_stays_that_tone_at_its_place(in_hz, out_hz, hz):
    out = convert(tone(hz, in_hz), in_hz, out_hz, in_hz // 50).astype(float)
    want = 16000.0 * np.sin(2 * np.pi * hz * np.arange(out.size) / out_hz)
    inner = slice(out_hz // 10, -out_hz // 10)  # the ends ring
    error = out[inner] - want[inner]
    assert 20 * np.log10(np.std(want[inner]) / np.std(error)) > 80  # int16 itself gives about 92


@pytest.mark.parametrize(("in_hz", "out_hz"), [(48_000, 16_000), (44_100, 16_000)])
def test_what_the_new_rate_cannot_hold_is_gone(in_hz, out_hz):
    out = convert(tone(9_000, in_hz), in_hz, out_hz, in_hz // 50)
    assert np.max(np.abs(out[out_hz // 10 : -out_hz // 10])) <= 2


@pytest.mark.parametrize(("in_hz", "out_hz"), RATES)
def test_length_is_exact(in_hz, out_hz):
    for frames in (1, 7, in_hz // 50, in_hz // 3):
        assert abs(convert(np.ones(frames, np.int16), in_hz, out_hz, 100).size - frames * out_hz / in_hz) <= 1


@settings(max_examples=20, deadline=None)
@given(chunk=st.integers(1, 3000), pair=st.sampled_from(RATES))
def test_cutting_the_stream_elsewhere_changes_nothing(chunk, pair):
    noise = np.random.default_rng(chunk).integers(-9000, 9000, 6000).astype(np.int16)
    assert np.array_equal(convert(noise, *pair, chunk), convert(noise, *pair, 6000))


def test_equal_rates_pass_untouched():
    noise = np.random.default_rng(0).integers(-32768, 32768, 999).astype(np.int16)
    assert np.array_equal(convert(noise, 16_000, 16_000, 100), noise)


def test_silence_stays_silence():
    assert not convert(np.zeros(9600, np.int16), 24_000, 48_000, 480).any()


def test_full_scale_does_not_wrap():
    square = np.repeat(np.array([32767, -32768] * 200, np.int16), 40)
    out = convert(square, 24_000, 48_000, 480)
    inner = out[800:-800].reshape(-1, 80)[:, 10:70]  # away from the edges, which ring
    assert np.all(inner[0::2] > 25000)
    assert np.all(inner[1::2] < -25000)


def test_holds_back_at_most_40_ms():
    resampler = Resampler(24_000, 48_000)
    given = np.cumsum([resampler.push(np.ones(480, np.int16)).size for _ in range(100)])
    assert np.all(given >= (np.arange(1, 101) * 960 - 40 * 48))


def test_after_a_flush_a_new_stream_begins():
    resampler = Resampler(24_000, 48_000)
    first = np.concatenate([resampler.push(tone(500, 24_000, 0.1)), resampler.flush()])
    second = np.concatenate([resampler.push(tone(500, 24_000, 0.1)), resampler.flush()])
    assert np.array_equal(first, second)


@pytest.mark.parametrize("in_hz", [8_000, 24_000, 44_100, 48_000])
def test_quick_holds_nothing_back_and_keeps_what_an_ear_needs(in_hz: int) -> None:
    resampler = QuickResampler(in_hz, 16_000)
    tone = (8_000 * np.sin(2 * np.pi * 1_000 * np.arange(in_hz) / in_hz)).astype(np.int16)
    step = in_hz // 50
    blocks = [resampler.push(tone[start : start + step]) for start in range(0, tone.size, step)]
    assert {block.size for block in blocks[1:]} == {320}
    assert blocks[0].size >= 315
    sound = np.concatenate(blocks)[1_000:].astype(float)
    assert abs(20 * np.log10(sound.std() / tone.astype(float).std())) < 0.2


def test_quick_lets_no_alias_through() -> None:
    resampler = QuickResampler(48_000, 16_000)
    tone = (8_000 * np.sin(2 * np.pi * 10_000 * np.arange(48_000) / 48_000)).astype(np.int16)
    alias = np.concatenate([resampler.push(tone[start : start + 960]) for start in range(0, 48_000, 960)])[100:]
    assert alias.astype(float).std() < 8_000 * 10 ** (-60 / 20)


@pytest.mark.parametrize(("in_hz", "out_hz"), [(48_000, 16_000), (44_100, 16_000), (16_000, 16_000)])
def test_it_knows_what_it_holds(in_hz, out_hz):
    resampler, given = Resampler(in_hz, out_hz), 0
    for pushed in range(1, 40):
        given += resampler.push(tone(440, in_hz, 0.02)).size
        assert resampler.held_frames == pushed * out_hz // 50 - given
    resampler.flush()
    assert resampler.held_frames == 0
