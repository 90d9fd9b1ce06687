"""The uplink: no gap, no repeat, no cut, and not a byte while closed or held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerd.mic.uplink import Gate, Uplink, silence
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, NearFrame, from_bytes

N = 300


def tone(start_frame: int, frames: int, rate_hz: int = NEAR_RATE_HZ) -> np.ndarray:
    """A chirp, so that every place in it is unlike any other."""
    t = np.arange(start_frame * rate_hz // 50, (start_frame + frames) * rate_hz // 50) / rate_hz
    return (8000 * np.sin(2 * np.pi * (200 + 120 * t) * t)).astype(np.int16)


def frame(index: int) -> NearFrame:
    return NearFrame(tone(index, 1), index, index * 0.02)


def sent(chunks: list[bytes]) -> np.ndarray:
    return from_bytes(b"".join(chunks))


def assert_is_sound_of(samples: np.ndarray, start_frame: int, frames: int) -> None:
    """The samples are the chirp at 24 kHz, from one frame to another, within the resampler's accuracy."""
    want = tone(start_frame, frames, 24_000).astype(float)
    assert abs(samples.size - want.size) <= 2
    n = min(samples.size, want.size)
    inner = slice(240, n - 240)  # at its ends a stream rings
    error = samples[:n].astype(float)[inner] - want[:n][inner]
    assert np.sqrt(np.mean(error**2)) < 80  # 36 dB below the chirp


def test_nothing_leaves_while_closed_or_held():
    uplink = Uplink()
    out = [uplink.push(frame(i)) for i in range(100)]
    out.append(uplink.hold(60))
    out += [uplink.push(frame(i)) for i in range(100, 150)]
    assert not any(out)
    assert uplink.sent_frames == 0


def test_held_words_go_first_without_gap_or_repeat():
    uplink = Uplink()
    for i in range(100):
        uplink.push(frame(i))
    uplink.hold(76)
    for i in range(100, 140):
        uplink.push(frame(i))
    chunks = uplink.open()
    for i in range(140, N):
        chunks += uplink.push(frame(i))
    chunks += uplink.hold()
    assert_is_sound_of(sent(chunks), 76, N - 76)
    assert uplink.sent_frames == N - 76


def test_an_interruption_is_sent_from_its_onset():
    uplink = Uplink()
    uplink.hold()
    for i in range(100):
        uplink.push(frame(i))
    chunks = uplink.open(from_index=85)
    for i in range(100, 120):
        chunks += uplink.push(frame(i))
    assert_is_sound_of(sent([*chunks, *uplink.hold()]), 85, 35)


def test_no_frame_is_sent_twice():
    uplink = Uplink()
    uplink.open()
    first = [chunk for i in range(100) for chunk in uplink.push(frame(i))]
    first += uplink.hold()
    for i in range(100, 105):
        uplink.push(frame(i))
    second = uplink.open(from_index=50)
    second += [chunk for i in range(105, 150) for chunk in uplink.push(frame(i))]
    assert_is_sound_of(sent(first), 0, 100)
    assert_is_sound_of(sent([*second, *uplink.hold()]), 100, 50)


def test_the_tail_of_our_own_echo_is_left_out():
    uplink = Uplink()
    uplink.hold()
    for i in range(100):
        uplink.push(frame(i))
    assert uplink.open(skip_ms=200) == []
    chunks = [chunk for i in range(100, 140) for chunk in uplink.push(frame(i))]
    assert_is_sound_of(sent([*chunks, *uplink.hold()]), 110, 30)


def test_after_the_assistant_nothing_is_left_out_that_is_free_of_echo():
    uplink = Uplink()
    uplink.hold()
    for i in range(100):
        uplink.push(frame(i))
    assert uplink.open(skip_ms=200) == []
    chunks = [chunk for i in range(100, 140) for chunk in uplink.push(replace(frame(i), echo_free=i >= 104))]
    assert_is_sound_of(sent([*chunks, *uplink.hold()]), 104, 36)


def test_the_tail_waits_for_a_late_decision_that_the_user_began_before():
    uplink = Uplink()
    uplink.hold()
    for i in range(100):
        uplink.push(frame(i))
    chunks = uplink.open(skip_ms=200)
    for i in range(100, 109):
        chunks += uplink.push(replace(frame(i), echo_free=True))
    assert chunks == []
    chunks += uplink.open(from_index=85, voice_index=92)
    for i in range(109, 140):
        chunks += uplink.push(frame(i))
    assert_is_sound_of(sent([*chunks, *uplink.hold()]), 85, 55)


def test_the_tail_that_waits_goes_in_one_piece_when_it_is_over():
    uplink = Uplink()
    uplink.hold()
    uplink.push(frame(0))
    uplink.open(skip_ms=200)
    counts = []
    for i in range(1, 13):
        uplink.push(replace(frame(i), echo_free=True))
        counts.append(uplink.sent_frames)
    assert counts == [0] * 9 + [10, 11, 12]
    assert uplink.open() == [], "all has been sent"


def test_a_reply_that_sounds_again_within_the_tail_keeps_what_waits():
    uplink = Uplink()
    uplink.hold()
    for i in range(50):
        uplink.push(frame(i))
    uplink.open(skip_ms=200)
    uplink.push(replace(frame(50), echo_free=True))
    uplink.hold()
    for i in range(51, 80):
        uplink.push(frame(i))
    assert_is_sound_of(sent([*uplink.open(from_index=45), *uplink.hold()]), 45, 35)


def test_an_order_to_open_does_not_shorten_the_tail():
    uplink = Uplink()
    uplink.hold()
    uplink.push(frame(0))
    uplink.open(skip_ms=200)
    uplink.push(replace(frame(1), echo_free=True))
    assert uplink.open() == []
    assert uplink.sent_frames == 0


def test_words_over_the_assistant_are_sent_with_more_of_the_user() -> None:
    uplink = Uplink()
    uplink.hold()
    suppressed, user = (np.full(NEAR_PERIOD_FRAMES, value, np.int16) for value in (100, 4_000))
    for i in range(50):
        uplink.push(NearFrame(suppressed, i, 0.0, over_samples=user))
    chunks = uplink.open(from_index=20, voice_index=30)
    chunks += uplink.push(NearFrame(suppressed, 50, 0.0))  # the assistant is silent by now
    sound = sent([*chunks, *uplink.hold()])
    assert np.abs(sound[480:4_000] - 100).max() < 20, "the pre-roll as the canceller leaves it"
    assert np.abs(sound[5_600:14_000] - 4_000).max() < 20, "the words with all of the user"
    assert abs(sound.size - 31 * 480) <= 2


def test_after_close_nothing_from_before_can_be_sent():
    uplink = Uplink()
    uplink.open()
    for i in range(50):
        uplink.push(frame(i))
    uplink.close()
    assert uplink.gate is Gate.CLOSED
    for i in range(50, 60):
        uplink.push(frame(i))
    uplink.hold(30)
    assert_is_sound_of(sent([*uplink.open(), *uplink.hold()]), 50, 10)
    assert uplink.overflowed_frames == 0


def test_more_than_can_be_held_drops_the_oldest_and_counts():
    uplink = Uplink(held_ms=1000)
    uplink.hold(0)
    for i in range(80):
        uplink.push(frame(i))
    assert_is_sound_of(sent([*uplink.open(), *uplink.hold()]), 30, 50)
    assert uplink.overflowed_frames == 30


@pytest.mark.parametrize("order", [{"skip_ms": 200}, {"from_index": 70}])
def test_what_nobody_wanted_of_a_long_reply_does_not_count_as_lost(order):
    uplink = Uplink(held_ms=1000)
    uplink.open()
    uplink.push(frame(0))
    uplink.hold()
    for i in range(1, 80):
        uplink.push(frame(i))
    uplink.open(**order)
    assert uplink.overflowed_frames == 0


def test_frames_that_the_card_lost_are_not_waited_for():
    uplink = Uplink()
    uplink.hold(10)
    for i in (*range(20), *range(25, 40)):
        uplink.push(frame(i))
    uplink.open()
    assert uplink.sent_frames == 10 + 15
    assert uplink.overflowed_frames == 0


@pytest.mark.parametrize("ms", [20, 500, 510])
def test_silence_is_whole_chunks_of_zeros(ms):
    chunks = silence(ms)
    samples = from_bytes(b"".join(chunks))
    assert samples.size >= ms * 24
    assert not samples.any()
    assert NEAR_PERIOD_FRAMES == 320
