"""Microphones: what cards give is converted, overruns are survived, and what hangs or vanishes is told."""

from __future__ import annotations

import errno
import os
import time

import alsaaudio
import numpy as np
import pytest
from support.odd_card import DEVICE, repeat

from speakerd.dsp.formats import FORMATS, encode
from speakerd.errors import DeviceError
from speakerd.hw import microphone
from speakerd.hw.microphone import AlsaSource


@pytest.mark.parametrize("channel", [0, 1])
def test_capture_takes_its_channel_at_16_khz(card, channel):
    tone = np.rint(9000 * np.sin(np.arange(48_000) * 2 * np.pi * 500 / 48_000)).astype(np.int16)
    both = np.zeros((48_000, 2), np.int16)
    both[:, channel] = tone
    data = encode(both.reshape(-1), FORMATS["S32_LE"])
    card(answers=tuple((960, data[at : at + 7680]) for at in range(0, len(data), 7680)))
    source = AlsaSource(DEVICE, 16_000, channel)
    heard = np.concatenate([source.read().samples for _ in range(50)])
    want = 9000 * np.sin(np.arange(heard.size) * 2 * np.pi * 500 / 16_000)
    assert heard.size > 15_000
    assert np.max(np.abs(heard[800:] - want[800:])) < 2


@pytest.mark.parametrize(("channel", "granted"), [(0, 2), (1, 2), (2, 6), (5, 6), (7, 8)])
def test_a_hat_with_more_channels_than_needed(card, channel, granted):
    card(channel_counts=(2, 6, 8))
    assert AlsaSource(DEVICE, 48_000, channel).granted.channels == granted


def test_a_channel_that_is_not_there_is_refused(card):
    made = card()
    with pytest.raises(DeviceError, match=r"hw:Odd: has 2 channels, so there is no channel 2.*capture_channel"):
        AlsaSource(DEVICE, 16_000, 2)
    assert made[-1].closed


def test_a_card_is_not_asked_for_the_little_that_it_has(card, impatient):
    """Else one whose pointer moves sample by sample would be asked thousands of times a second."""
    made = card(answers=((960, bytes(7680)), (3, bytes(24)), (2, bytes(16))))
    source = AlsaSource(DEVICE, 48_000, 0)
    source.read()
    os.read(made[-1].pipe[0], 1)  # the poll descriptor: nothing worth a wake-up yet
    with pytest.raises(DeviceError, match=r"gave no sound for 0\.3 s"):
        source.read()
    assert len(made[-1].script) == 2


def test_capture_overruns_are_counted_and_survived(card):
    sound = (960, bytes(7680))
    card(answers=((-errno.EPIPE, b""), (-errno.EPIPE, b""), sound, sound))
    source = AlsaSource(DEVICE, 48_000, 0)
    assert source.read().xruns == 2
    assert source.read().xruns == 0


def test_several_periods_are_fetched_together_and_waited_for_once(card, monkeypatch):
    period = (320, bytes(range(64)) * 10)
    made = card(rates=(16_000,), channel_counts=(1,), formats=("S16_LE",), answers=(period,) * 6)
    source = AlsaSource(DEVICE, 16_000, 0)
    source.read()
    waits = []
    monkeypatch.setattr(made[-1], "polldescriptors_revents", waits.append)
    assert np.array_equal(source.read(1280).samples, np.frombuffer(period[1] * 4, np.int16))
    assert len(waits) == 1
    assert len(made[-1].script) == 1


def test_of_several_periods_those_that_are_not_there_are_waited_for(card, monkeypatch):
    made = card(
        rates=(16_000,), channel_counts=(1,), formats=("S16_LE",),
        answers=((320, bytes(640)), (320, bytes(640)), (0, b""), (100, bytes(200)), (320, bytes(640))),
    )  # fmt: skip
    source = AlsaSource(DEVICE, 16_000, 0)
    source.read()
    waits = []
    monkeypatch.setattr(made[-1], "polldescriptors_revents", waits.append)
    assert source.read(700).samples.size == 740
    assert len(waits) == 2, "for the third answer nobody waited: a whole period had come"


def test_an_overrun_amid_several_periods_lies_ahead_of_the_next_ones(card):
    sound = (320, bytes(640))
    card(
        rates=(16_000,), channel_counts=(1,), formats=("S16_LE",),
        answers=(sound, sound, (-errno.EPIPE, b""), sound, sound),
    )  # fmt: skip
    source = AlsaSource(DEVICE, 16_000, 0)
    source.read()
    blocks = [source.read(1280), source.read(320)]
    assert [(block.samples.size, block.xruns) for block in blocks] == [(320, 0), (320, 1)]


def test_a_microphone_tells_what_it_keeps(card):
    card(periods_granted=(1024,))
    assert AlsaSource(DEVICE, 48_000, 0).kept_ms == microphone.CAPTURE_PERIODS * 1024 * 1000 // 48_000


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000])
def test_what_the_resampler_holds_is_not_waited_for_twice(card, rate_hz):
    """Four frames are there after as many periods as if each had been fetched alone."""
    period = (rate_hz // 50, bytes(2 * (rate_hz // 50)))

    def periods_fetched(steps, least):
        made = card(rates=(rate_hz,), channel_counts=(1,), formats=("S16_LE",), answers=(period,) * 900)
        source, frames, when = AlsaSource(DEVICE, 16_000, 0), 0, []
        while len(when) < steps:
            frames += source.read(least(1280 * (len(when) + 1) - frames)).samples.size
            when += [900 - len(made[-1].script)] * (frames // 1280 - len(when))
        return when

    assert periods_fetched(200, lambda missing: missing) == periods_fetched(200, lambda _: 1)


@pytest.mark.parametrize("answer", [(-5, b""), alsaaudio.ALSAAudioError("Input/output error [hw:Odd]")], ids=str)
def test_any_other_answer_of_a_microphone_is_an_error(card, answer):
    card(answers=(answer,))
    with pytest.raises(DeviceError, match=r"hw:Odd: "):
        AlsaSource(DEVICE, 48_000, 0).read()


def test_an_unplugged_microphone_is_an_error_until_it_is_back(sound_card):
    source = AlsaSource("speakerd_mic", 16_000, 0)
    source.read()
    sound_card.unplug("mic")
    try:
        with pytest.raises(DeviceError, match="speakerd_mic"):
            repeat(source.read)
        source.close()
    finally:
        sound_card.plug("mic")
    again = AlsaSource("speakerd_mic", 16_000, 0)
    assert again.read().samples.size == 320
    again.close()


@pytest.mark.alsa
def test_a_microphone_that_hangs_is_an_error_and_goes_on_when_it_does_not(own_card, impatient):
    source = AlsaSource("speakerd_mic", 16_000, 0)
    source.read()
    own_card.freeze()
    began_s = time.monotonic()
    with pytest.raises(DeviceError, match=r"speakerd_mic: gave no sound for 0\.3 s \(it is opened anew"):
        repeat(source.read)
    assert time.monotonic() - began_s < 1
    own_card.thaw()
    assert source.read().samples.size > 0
    source.close()
