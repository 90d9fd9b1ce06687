"""WAV files as devices, in virtual time."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from speakerd.dsp.formats import FORMATS, encode
from speakerd.errors import DeviceError
from speakerd.hw.wav import WavSink, WavSource


class VirtualTime:
    def __init__(self):
        self.now_s = 100.0

    def clock(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


def make(path, samples, rate_hz=16_000, form="S16_LE", channels=1):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, FORMATS[form].sample_bytes, rate_hz, 0, "NONE", ""))
        file.writeframes(encode(samples, FORMATS[form], channels))
    return path


def read_all(source):
    parts = []

    def read_on():
        while True:
            parts.append(source.read().samples)

    with pytest.raises(DeviceError, match="end"):
        read_on()
    return np.concatenate(parts)


def ramp(frames):
    return (np.arange(frames) % 30000).astype(np.int16)


@pytest.mark.parametrize("form", ["S16_LE", "S24_3LE", "S32_LE"])
@pytest.mark.parametrize("channels", [1, 2])
def test_source_gives_the_file(tmp_path, form, channels):
    virtual = VirtualTime()
    path = make(tmp_path / "a.wav", ramp(5000), form=form, channels=channels)
    assert np.array_equal(read_all(WavSource(path, channels - 1, clock=virtual.clock, sleep=virtual.sleep)), ramp(5000))
    assert virtual.now_s - 100.0 == pytest.approx(5000 / 16_000, abs=1e-6)


def test_source_converts_the_rate(tmp_path):
    virtual = VirtualTime()
    sound = np.rint(8000 * np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000)).astype(np.int16)
    heard = read_all(WavSource(make(tmp_path / "a.wav", sound, 48_000), clock=virtual.clock, sleep=virtual.sleep))
    want = 8000 * np.sin(np.arange(heard.size) * 2 * np.pi * 440 / 16_000)
    assert heard.size == 16_000
    assert np.max(np.abs(heard[1000:-1000] - want[1000:-1000])) < 2


def test_source_errors_name_the_file(tmp_path):
    with pytest.raises(DeviceError, match=r"none\.wav"):
        WavSource(tmp_path / "none.wav")
    (tmp_path / "bad.wav").write_bytes(b"RIFFxxxx")
    with pytest.raises(DeviceError, match=r"bad\.wav"):
        WavSource(tmp_path / "bad.wav")
    with pytest.raises(DeviceError, match="no channel 1"):
        WavSource(make(tmp_path / "mono.wav", ramp(10)), 1)


def test_sink_errors_name_the_file(tmp_path):
    with pytest.raises(DeviceError, match="missing"):
        WavSink(tmp_path / "missing" / "out.wav", 48_000)


def test_sink_keeps_what_sounded_only(tmp_path):
    virtual = VirtualTime()
    sink = WavSink(tmp_path / "out.wav", 48_000, 80, virtual.clock, virtual.sleep)
    sound = ramp(9600)
    for start in range(0, 9600, 960):
        sink.write(sound[start : start + 960])
    virtual.sleep(0.01)
    dropped = sink.drop()
    assert dropped == 3840 - 480
    sink.write(np.full(960, 7, np.int16))
    virtual.sleep(0.02)
    sink.write(np.full(960, 8, np.int16))
    sink.close()
    with wave.open(str(tmp_path / "out.wav")) as file:
        kept = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert np.array_equal(kept, np.concatenate([sound[: 9600 - dropped], np.full(960, 7)]))
