"""From the wire to the sink's rate: complete, in place, per item."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerd.dsp.resample import Resampler
from speakerd.pcm import from_bytes, to_bytes
from speakerd.speaker.downlink import Downlink
from speakerd.speaker.playout import Playout


def noise(frames, seed=0):
    return np.random.default_rng(seed).integers(-20000, 20000, frames).astype(np.int16)


def joined(chunks, item_id):
    return np.concatenate([np.zeros(0, np.int16), *(c.samples for c in chunks if c.item_id == item_id)])


def whole(samples, rate_hz):
    resampler = Resampler(24_000, rate_hz)
    return np.concatenate([resampler.push(samples), resampler.flush()])


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 20_000), max_size=12), rate_hz=st.sampled_from([24_000, 48_000, 44_100, 16_000]))
def test_any_cutting_of_the_bytes_gives_the_same_sound(cuts, rate_hz):
    data = to_bytes(noise(10_000))
    downlink, chunks = Downlink(rate_hz), []
    edges = [0, *sorted(cuts), len(data)]  # odd cuts split a sample between two deltas
    for start, end in itertools.pairwise(edges):
        chunks += downlink.push("a", data[start:end])
    chunks += downlink.end()
    assert np.array_equal(joined(chunks, "a"), whole(noise(10_000), rate_hz))
    assert sum(chunk.wire_frames for chunk in chunks) == 10_000


def test_a_new_item_ends_the_one_before_and_starts_afresh():
    downlink = Downlink(48_000)
    chunks = downlink.push("a", to_bytes(noise(999, 1))) + downlink.push("b", to_bytes(noise(777, 2)))
    assert [chunk.item_id for chunk in chunks] == ["a", "a", "b"]
    chunks += downlink.end()
    assert np.array_equal(joined(chunks, "a"), whole(noise(999, 1), 48_000))
    assert np.array_equal(joined(chunks, "b"), whole(noise(777, 2), 48_000))
    assert downlink.end() == []


def test_discarded_sound_leaves_no_trace():
    downlink = Downlink(48_000)
    downlink.push("a", to_bytes(noise(5000, 1)) + b"\x55")
    downlink.discard()
    chunks = downlink.push("a", to_bytes(noise(500, 2))) + downlink.end()
    assert np.array_equal(joined(chunks, "a"), whole(noise(500, 2), 48_000))


@pytest.mark.parametrize("rate_hz", [24_000, 48_000, 44_100])
def test_through_the_jitter_buffer_nothing_is_lost_or_repeated(rate_hz):
    downlink, playout, played = Downlink(rate_hz), Playout(rate_hz, 60), []
    sound = to_bytes(noise(30_000))
    for start in range(0, len(sound), 4800):
        for chunk in downlink.push("a", sound[start : start + 4800]):
            playout.push(chunk.item_id, chunk.samples, chunk.wire_frames)
        played.append(playout.pull(rate_hz // 50)[0])
    for chunk in downlink.end():
        playout.push(chunk.item_id, chunk.samples, chunk.wire_frames)
    playout.end_response()
    while playout.waiting_frames:
        played.append(playout.pull(rate_hz // 50)[0])
    out = np.trim_zeros(np.concatenate(played))
    want = np.trim_zeros(whole(from_bytes(sound), rate_hz))
    assert np.array_equal(out, want)
    if rate_hz == 24_000:
        assert np.array_equal(out, np.trim_zeros(from_bytes(sound)))
