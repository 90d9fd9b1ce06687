"""One suite over every device: the silent one is proven against the real ALSA."""

from __future__ import annotations

import time

import numpy as np
import pytest

from speakerd.errors import DeviceError
from speakerd.hw.silent import SilentSink
from speakerd.pcm import NEAR_RATE_HZ

BUFFER_MS = 80


@pytest.fixture(params=["alsa", "silent"])
def sink(request):
    if request.param == "alsa":
        request.getfixturevalue("sound_card")
        from speakerd.hw.loudspeaker import AlsaSink

        made = AlsaSink("speakerd_speaker", 48_000, BUFFER_MS)
    else:
        made = SilentSink(48_000, BUFFER_MS)
    yield made
    made.close()


@pytest.fixture
def source(sound_card):
    from speakerd.hw.microphone import AlsaSource

    made = AlsaSource("speakerd_mic", NEAR_RATE_HZ, 0)
    yield made
    made.close()


def period(sink, value=0):
    return np.full(sink.period_frames, value, np.int16)


def fill(sink):
    while sink.queued_frames() + sink.period_frames <= sink.buffer_frames:
        assert sink.write(period(sink)) == 0


def test_a_period_is_20_ms_and_the_buffer_is_as_asked(sink):
    assert sink.rate_hz == 48_000
    assert sink.period_frames == 960
    assert sink.buffer_frames == 3840


def test_a_fresh_sink_holds_nothing(sink):
    assert sink.queued_frames() == 0
    assert sink.drop() == 0


def test_it_takes_a_buffer_at_once_and_then_keeps_the_pace(sink):
    began_s = time.monotonic()
    fill(sink)
    filled_s = time.monotonic()
    assert filled_s - began_s < 0.03
    for _ in range(25):
        sink.write(period(sink))
        assert 0 < sink.queued_frames() <= sink.buffer_frames
    assert time.monotonic() - filled_s == pytest.approx(0.5, abs=0.06)


def test_drop_tells_what_never_sounded_and_writing_goes_on(sink):
    fill(sink)
    assert 2 * 960 < sink.drop() <= sink.buffer_frames
    assert sink.queued_frames() == 0
    assert sink.drop() == 0
    sink.write(period(sink))
    assert 0 < sink.queued_frames() <= 960


def test_running_empty_is_reported_and_survived(sink):
    fill(sink)
    time.sleep(BUFFER_MS / 1000 + 0.15)
    assert sink.queued_frames() == 0
    assert sink.write(period(sink)) == 1
    assert sink.write(period(sink)) == 0
    assert sink.queued_frames() > 0


def test_close_does_not_play_out_the_rest(sink):
    fill(sink)
    began_s = time.monotonic()
    sink.close()
    assert time.monotonic() - began_s < 0.04
    sink.close()


def test_a_source_gives_20_ms_each_20_ms(source):
    source.read()
    began_s, frames = time.monotonic(), 0
    for _ in range(25):
        block = source.read()
        assert block.samples.dtype == np.int16
        assert block.samples.ndim == 1
        assert block.xruns == 0
        frames += block.samples.size
    assert frames == pytest.approx(8_000, abs=320), "a card may give a period in two parts"
    assert time.monotonic() - began_s == pytest.approx(0.5, abs=0.06)


def test_a_closed_source_says_so(source):
    source.close()
    source.close()
    with pytest.raises(DeviceError):
        source.read()
