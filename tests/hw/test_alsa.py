"""Cards that grant something else than asked, break, or vanish.

The odd cards are a stand-in for alsaaudio.PCM; what is real about ALSA is proven on the virtual card.
"""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest
from support.odd_card import DEVICE, NOISE, IdleCard

from speakerd.errors import DeviceError
from speakerd.hw import alsa
from speakerd.hw.alsa import probe
from speakerd.hw.loudspeaker import AlsaSink
from speakerd.hw.microphone import AlsaSource


@pytest.mark.parametrize(
    ("rates", "granted_hz"),
    [
        ((8_000, 44_100, 48_000), 48_000),  # a multiple
        ((8_000, 44_100), 44_100),
        ((8_000, 11_025), 11_025),
        ((8_000, 16_000, 48_000), 16_000),
        ((22_050,), 22_050),
    ],
)
def test_the_rate_that_loses_least(card, rates, granted_hz):
    made = card(rates=rates)
    source = AlsaSource(DEVICE, 16_000, 0)
    assert (source.granted.rate_hz, made[-1].periodsize) == (granted_hz, granted_hz // 50)
    assert [one.closed for one in made] == [1] * (len(made) - 1) + [0]


def test_the_best_format_is_asked_for(card):
    card(formats=("U8", "S24_3LE", "S32_LE"))
    assert AlsaSource(DEVICE, 48_000, 0).granted.form.name == "S32_LE"


@pytest.mark.parametrize(
    ("granted", "frames"),
    [((16, 256, 1_024), 1_024), ((16, 512), 512), ((16, 32), 16), ((700, 960), 960), ((700,), 700)],
)
def test_a_card_that_insists_on_its_periods(card, granted, frames):
    made = card(periods_granted=granted)
    assert AlsaSource(DEVICE, 48_000, 0).granted.period_frames == frames
    assert sum(not one.closed for one in made) == 1


def test_a_format_that_we_do_not_know_is_refused_in_words(card):
    made = card(formats=("MU_LAW",))
    with pytest.raises(DeviceError, match=r"hw:Odd: grants only the format MU_LAW.*plug:"):
        AlsaSink(DEVICE, 48_000, 80)
    assert all(one.closed for one in made)


@pytest.mark.parametrize("opened", [lambda: AlsaSource(DEVICE, 16_000, 0), lambda: AlsaSink(DEVICE, 48_000, 80)])
def test_a_card_that_goes_away_while_it_is_opened_does_not_work(card, opened):
    def gone(_card):
        raise alsa.alsaaudio.ALSAAudioError(f"Can't get poll descriptors [{DEVICE}]")

    made = card(polldescriptors=gone)
    with pytest.raises(DeviceError, match="poll descriptors"):
        opened()
    assert made[-1].closed


def test_endless_xruns_are_a_broken_card(card):
    card(answers=((-errno.EPIPE, b""),) * 20)
    with pytest.raises(DeviceError, match="overran"):
        AlsaSource(DEVICE, 48_000, 0).read()
    card(answers=(-errno.EPIPE,) * 20)
    with pytest.raises(DeviceError, match="ran empty"):
        AlsaSink(DEVICE, 48_000, 80).write(NOISE)


@pytest.mark.parametrize("opened", [lambda: AlsaSource("nosuch", 16_000, 0), lambda: AlsaSink("nosuch", 48_000, 80)])
def test_a_name_that_is_not_there(sound_card, opened):
    with pytest.raises(DeviceError, match=r"nosuch: No such file or directory \(`speakerd devices` lists the names\)"):
        opened()


@pytest.mark.parametrize(("rate_hz", "channel"), [(16_000, 0), (44_100, 3), (48_000, 1)])
def test_the_virtual_card_grants_what_is_asked(sound_card, rate_hz, channel):
    source = AlsaSource("speakerd_mic", rate_hz, channel)
    try:
        assert (source.granted.rate_hz, source.granted.channels) == (rate_hz, channel + 1)
        assert source.granted.period_frames == rate_hz // 50
        assert sum(source.read().samples.size for _ in range(10)) == pytest.approx(3200, abs=640)
    finally:
        source.close()


def test_a_card_that_is_ready_for_ever_and_moves_nothing_hangs(monkeypatch, impatient):
    monkeypatch.setattr(alsa.alsaaudio, "PCM", IdleCard)
    with pytest.raises(DeviceError, match=r"gave no sound for 0\.3 s"):
        AlsaSource(DEVICE, 48_000, 0).read()
    with pytest.raises(DeviceError, match=r"took no sound for 0\.3 s"):
        AlsaSink(DEVICE, 48_000, 80).write(NOISE)


def test_probe_tells_what_a_pcm_can_do(sound_card):
    abilities = probe("playback", "speakerd_speaker")
    assert "S16_LE" in abilities.formats
    assert abilities.channels[:2] == (1, 2)
    assert abilities.rates_are_range
    assert abilities.rates_hz[0] <= 8_000
    assert abilities.rates_hz[1] >= 48_000
    assert abilities.granted.rate_hz == 48_000


TWO_THREADS = """
import sys
import threading
from speakerd.errors import DeviceError
from speakerd.hw.alsa import open_pcm

def fail(direction):
    for _ in range(200):
        try:
            open_pcm(direction, "sysdefault:CARD=NoSuchCard", 16_000, 1, 4)
        except DeviceError:
            pass

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=fail, args=(direction,)) for direction in (0, 1)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_two_threads_that_find_no_card_do_not_wait_for_each_other():
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", TWO_THREADS], capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_pcm_without_limits_is_examined_in_a_moment():
    abilities = probe("capture", "null")

    assert abilities.rates_hz[-1] == 2**32 - 1
    assert abilities.channels == (1,)
