"""Cards that grant something else than asked, break, or vanish.

The odd cards are a stand-in for alsaaudio.PCM; what is real about ALSA is proven on the virtual card.
"""

from __future__ import annotations

import errno
import os
import select
import subprocess
import sys
import time

import alsaaudio
import numpy as np
import pytest

from speakerd.demo.soundcard import VirtualSoundCard
from speakerd.dsp.formats import FORMATS, decode_all, encode
from speakerd.errors import DeviceError
from speakerd.hw import alsa, loudspeaker, microphone
from speakerd.hw.alsa import probe
from speakerd.hw.loudspeaker import AlsaSink
from speakerd.hw.microphone import AlsaSource

DEVICE = "hw:Odd"


class OddCard:
    """A PCM that grants these rates, channels and formats only, like hardware does, and plays a script.

    As alsa-lib does, it takes the first of all for what it refuses.
    """

    rates = (48_000,)
    channel_counts = (2,)
    formats = ("S32_LE",)
    periods_granted = ()  # any
    answers: tuple[object, ...] = ()

    def __init__(self, direction, mode, device, *, rate, channels, format, periodsize, periods):
        assert device == DEVICE
        asked = next(name for name in FORMATS if getattr(alsaaudio, f"PCM_FORMAT_{name}") == format)
        self.granted = asked if asked in self.formats else self.formats[0]
        self.rate = rate if rate in self.rates else self.rates[0]
        self.channels = channels if channels in self.channel_counts else self.channel_counts[0]
        odd = self.periods_granted and periodsize not in self.periods_granted
        self.periodsize, self.periods = self.periods_granted[0] if odd else periodsize, periods
        self.script = list(self.answers)
        self.written = b""
        self.available = periodsize * periods
        self.closed = self.dropped = 0
        self.pipe = os.pipe()  # readable while a microphone has something to give
        if direction == alsaaudio.PCM_CAPTURE and self.script:
            os.write(self.pipe[1], b"!")

    def info(self):
        return {
            "format_name": self.granted,
            "rate": self.rate,
            "channels": self.channels,
            "period_size": self.periodsize,
            "buffer_size": self.periodsize * self.periods,
        }

    def getrates(self):
        return list(self.rates) if len(self.rates) > 1 else self.rates[0]

    def getchannels(self):
        return list(self.channel_counts)

    def getformats(self):
        return dict.fromkeys(self.formats, 0)

    def _answer(self):
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise type(answer)(*answer.args)  # a new one: parameters live on, with the traceback and all in it
        return answer

    def read(self):
        answer = self._answer()
        if not self.script:
            os.read(self.pipe[0], 1)
        return answer

    def polldescriptors(self):
        return [(self.pipe[0], select.POLLIN)]

    def polldescriptors_revents(self, events):
        return select.POLLIN

    def write(self, data):
        answer = self._answer() if self.script else None
        if answer is None:
            answer = len(data) // (FORMATS[self.granted].sample_bytes * self.channels)
        if answer > 0:
            self.written += bytes(data)[: answer * FORMATS[self.granted].sample_bytes * self.channels]
        return answer

    def avail(self):
        return self.available

    def state(self):
        return alsaaudio.PCM_STATE_PREPARED

    def drop(self):
        self.dropped += 1

    def close(self):
        self.closed += 1
        while self.pipe:
            os.close(self.pipe[-1])
            self.pipe = self.pipe[:-1]


@pytest.fixture
def card(monkeypatch):
    def plug(**abilities):
        made = []

        class Card(OddCard):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                made.append(self)

        for name, value in abilities.items():
            setattr(Card, name, value)
        monkeypatch.setattr(alsa.alsaaudio, "PCM", Card)
        return made

    return plug


NOISE = np.random.default_rng(0).integers(-30000, 30000, 960).astype(np.int16)


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


@pytest.mark.parametrize(("channel", "granted"), [(0, 2), (1, 2), (2, 6), (5, 6), (7, 8)])
def test_a_hat_with_more_channels_than_needed(card, channel, granted):
    card(channel_counts=(2, 6, 8))
    assert AlsaSource(DEVICE, 48_000, channel).granted.channels == granted


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


def test_a_channel_that_is_not_there_is_refused(card):
    made = card()
    with pytest.raises(DeviceError, match=r"hw:Odd: has 2 channels, so there is no channel 2.*capture_channel"):
        AlsaSource(DEVICE, 16_000, 2)
    assert made[-1].closed


def test_a_format_that_we_do_not_know_is_refused_in_words(card):
    made = card(formats=("MU_LAW",))
    with pytest.raises(DeviceError, match=r"hw:Odd: grants only the format MU_LAW.*plug:"):
        AlsaSink(DEVICE, 48_000, 80)
    assert all(one.closed for one in made)


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


def test_playback_underruns_are_counted_and_nothing_is_lost(card):
    made = card(answers=(-errno.EPIPE, 100, -errno.EPIPE, 400, None))
    sink = AlsaSink(DEVICE, 48_000, 80)
    assert sink.write(NOISE) == 2
    assert np.array_equal(decode_all(made[-1].written, FORMATS["S32_LE"], 2)[:, 0], NOISE)


def test_endless_xruns_are_a_broken_card(card):
    card(answers=((-errno.EPIPE, b""),) * 20)
    with pytest.raises(DeviceError, match="overran"):
        AlsaSource(DEVICE, 48_000, 0).read()
    card(answers=(-errno.EPIPE,) * 20)
    with pytest.raises(DeviceError, match="ran empty"):
        AlsaSink(DEVICE, 48_000, 80).write(NOISE)


@pytest.mark.parametrize("answer", [(-5, b""), alsaaudio.ALSAAudioError("Input/output error [hw:Odd]")], ids=str)
def test_any_other_answer_of_a_microphone_is_an_error(card, answer):
    card(answers=(answer,))
    with pytest.raises(DeviceError, match=r"hw:Odd: "):
        AlsaSource(DEVICE, 48_000, 0).read()


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


def test_an_unplugged_loudspeaker_is_an_error_until_it_is_back(sound_card):
    sink = AlsaSink("speakerd_speaker", 48_000, 80)
    silence = np.zeros(960, np.int16)
    sink.write(silence)
    sound_card.unplug("speaker")
    try:
        with pytest.raises(DeviceError, match="speakerd_speaker"):
            _repeat(lambda: sink.write(silence))
        sink.close()
        with pytest.raises(DeviceError, match="speakerd_speaker"):
            AlsaSink("speakerd_speaker", 48_000, 80)
    finally:
        sound_card.plug("speaker")
    again = AlsaSink("speakerd_speaker", 48_000, 80)
    assert again.write(silence) == 0
    again.close()


def test_an_unplugged_microphone_is_an_error_until_it_is_back(sound_card):
    source = AlsaSource("speakerd_mic", 16_000, 0)
    source.read()
    sound_card.unplug("mic")
    try:
        with pytest.raises(DeviceError, match="speakerd_mic"):
            _repeat(source.read)
        source.close()
    finally:
        sound_card.plug("mic")
    again = AlsaSource("speakerd_mic", 16_000, 0)
    assert again.read().samples.size == 320
    again.close()


@pytest.fixture
def impatient(monkeypatch):
    for module in (microphone, loudspeaker):
        monkeypatch.setattr(module, "STALL_S", 0.3)


@pytest.fixture
def own_card(tmp_path, monkeypatch):
    """One that may be frozen: nothing else waits for it meanwhile."""
    with VirtualSoundCard(tmp_path / "card") as card:
        for name, value in card.env.items():
            monkeypatch.setenv(name, value)
        yield card
        card.thaw()


@pytest.mark.alsa
def test_a_microphone_that_hangs_is_an_error_and_goes_on_when_it_does_not(own_card, impatient):
    source = AlsaSource("speakerd_mic", 16_000, 0)
    source.read()
    own_card.freeze()
    began_s = time.monotonic()
    with pytest.raises(DeviceError, match=r"speakerd_mic: gave no sound for 0\.3 s \(it is opened anew"):
        _repeat(source.read)
    assert time.monotonic() - began_s < 1
    own_card.thaw()
    assert source.read().samples.size > 0
    source.close()


@pytest.mark.alsa
def test_a_loudspeaker_that_hangs_is_an_error_to_those_who_wait_for_room_and_to_those_who_write(own_card, impatient):
    sink = AlsaSink("speakerd_speaker", 48_000, 80)
    sink.write(NOISE)
    own_card.freeze()
    with pytest.raises(DeviceError, match=r"speakerd_speaker: took no sound for 0\.3 s"):
        _repeat(lambda: (sink.queued_frames(), time.sleep(0.02)))
    with pytest.raises(DeviceError, match=r"speakerd_speaker: took no sound for 0\.3 s"):
        _repeat(lambda: sink.write(NOISE))
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


class IdleCard(OddCard):
    """One that says that it is ready, and is not."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        os.write(self.pipe[1], b"!")
        self.given_up_s = time.monotonic() + 5.0

    def read(self):
        return self.write(b""), b""

    def write(self, data):
        assert time.monotonic() < self.given_up_s, "it would be asked for ever"
        return 0


def test_a_card_that_is_ready_for_ever_and_moves_nothing_hangs(monkeypatch, impatient):
    monkeypatch.setattr(alsa.alsaaudio, "PCM", IdleCard)
    with pytest.raises(DeviceError, match=r"gave no sound for 0\.3 s"):
        AlsaSource(DEVICE, 48_000, 0).read()
    with pytest.raises(DeviceError, match=r"took no sound for 0\.3 s"):
        AlsaSink(DEVICE, 48_000, 80).write(NOISE)


def _repeat(action):
    for _ in range(100):
        action()


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
