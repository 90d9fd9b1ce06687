"""Loudspeakers: what is played is converted, underruns are survived, and what hangs or vanishes is told."""

from __future__ import annotations

import errno
import time

import alsaaudio
import numpy as np
import pytest
from support.odd_card import DEVICE, NOISE, repeat

from speakerd.dsp.formats import FORMATS, decode_all
from speakerd.errors import DeviceError
from speakerd.hw.loudspeaker import AlsaSink


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_playback_converts_to_what_is_granted(card, form, channels):
    made = card(formats=(form,), channel_counts=(channels,))
    sink = AlsaSink(DEVICE, 24_000, 80)
    assert (sink.rate_hz, sink.period_frames, sink.buffer_frames) == (48_000, 960, 3840)
    assert made[-1].periodsize == 960, "the period is 20 ms at the rate granted, not at the one asked for"
    assert all(other.closed for other in made[:-1])
    assert sink.write(NOISE) == 0
    played = decode_all(made[-1].written, FORMATS[form], channels)
    assert played.shape == (960, channels)
    exact = NOISE if form != "U8" else (NOISE >> 8) << 8
    assert np.array_equal(played, np.repeat(exact[:, None], channels, axis=1))


def test_playback_underruns_are_counted_and_nothing_is_lost(card):
    made = card(answers=(-errno.EPIPE, 100, -errno.EPIPE, 400, None))
    sink = AlsaSink(DEVICE, 48_000, 80)
    assert sink.write(NOISE) == 2
    assert np.array_equal(decode_all(made[-1].written, FORMATS["S32_LE"], 2)[:, 0], NOISE)


@pytest.mark.parametrize("answer", [-19, alsaaudio.ALSAAudioError("No such device [hw:Odd]")], ids=str)
def test_any_other_answer_of_a_loudspeaker_is_an_error(card, answer):
    card(answers=(answer,))
    with pytest.raises(DeviceError, match=r"hw:Odd: .*plugged in"):
        AlsaSink(DEVICE, 48_000, 80).write(NOISE)


@pytest.mark.parametrize(("available", "queued"), [(3840, 0), (1000, 2840), (5000, 0), (-errno.EPIPE, 0)])
def test_queued_is_what_the_card_has_no_room_for(card, available, queued):
    made = card()
    sink = AlsaSink(DEVICE, 48_000, 80)
    sink.write(NOISE)
    made[-1].available = available
    assert sink.queued_frames() == queued


def test_a_card_that_cannot_tell_its_room_is_broken(card):
    made = card()
    sink = AlsaSink(DEVICE, 48_000, 80)
    sink.write(NOISE)
    made[-1].available = -errno.ENODEV
    with pytest.raises(DeviceError, match="No such device"):
        sink.queued_frames()


def test_close_drops_before_it_closes(card):
    made = card()
    sink = AlsaSink(DEVICE, 48_000, 80)
    sink.write(NOISE)
    sink.close()
    assert (made[-1].dropped, made[-1].closed) == (1, 1)


def test_an_unplugged_loudspeaker_is_an_error_until_it_is_back(sound_card):
    sink = AlsaSink("speakerd_speaker", 48_000, 80)
    silence = np.zeros(960, np.int16)
    sink.write(silence)
    sound_card.unplug("speaker")
    try:
        with pytest.raises(DeviceError, match="speakerd_speaker"):
            repeat(lambda: sink.write(silence))
        sink.close()
        with pytest.raises(DeviceError, match="speakerd_speaker"):
            AlsaSink("speakerd_speaker", 48_000, 80)
    finally:
        sound_card.plug("speaker")
    again = AlsaSink("speakerd_speaker", 48_000, 80)
    assert again.write(silence) == 0
    again.close()


@pytest.mark.alsa
def test_a_loudspeaker_that_hangs_is_an_error_to_those_who_wait_for_room_and_to_those_who_write(own_card, impatient):
    sink = AlsaSink("speakerd_speaker", 48_000, 80)
    sink.write(NOISE)
    own_card.freeze()
    with pytest.raises(DeviceError, match=r"speakerd_speaker: took no sound for 0\.3 s"):
        repeat(lambda: (sink.queued_frames(), time.sleep(0.02)))
    with pytest.raises(DeviceError, match=r"speakerd_speaker: took no sound for 0\.3 s"):
        repeat(lambda: sink.write(NOISE))
    own_card.thaw()
    sink.close()


def test_a_loudspeaker_that_rested_is_not_thought_to_hang(card, impatient):
    made = card()
    sink = AlsaSink(DEVICE, 48_000, 80)
    for _ in range(2):
        sink.write(NOISE)
        made[-1].available = 2880
        assert sink.queued_frames() == 960
        sink.drop()
        time.sleep(0.4)


def test_a_loudspeaker_that_hangs_is_closed_without_a_word(card, impatient):
    made = card()
    sink = AlsaSink(DEVICE, 48_000, 80)
    sink.write(NOISE)
    made[-1].available = 2880
    sink.queued_frames()
    time.sleep(0.4)
    with pytest.raises(DeviceError, match="took no sound"):
        sink.queued_frames()
    sink.close()
    assert (made[-1].dropped, made[-1].closed) == (0, 1)
