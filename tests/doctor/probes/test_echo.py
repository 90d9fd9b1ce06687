"""Playing and listening at once: on the virtual card, and on cards that lose sound."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.doctor import chirp
from speakerd.doctor.probes.echo import play_and_listen, reach
from speakerd.errors import DeviceError
from speakerd.hw.device import SourceBlock
from speakerd.hw.silent import SilentSink

MIC, SPEAKER = "speakerd_mic", "speakerd_speaker"


class Room:
    """Virtual time, and a microphone that hears what the sink let out `delay_frames` before."""

    def __init__(self, delay_frames=640, late_s=0.0):
        self.now_s = 100.0
        self.delay_frames = delay_frames
        self.late_s = late_s
        self.air = np.zeros(20 * 16_000, np.int16)
        self.read_frames = 0
        self.xruns_at = ()

    def sleep(self, seconds):
        self.now_s += seconds

    def read(self):
        self.now_s = max(self.now_s, 100.0 + (self.read_frames + 320) / 16_000)
        at = self.read_frames
        self.read_frames += 320
        begin = max(0, at - self.delay_frames)
        heard = self.air[begin : max(0, at + 320 - self.delay_frames)]
        return SourceBlock(np.pad(heard, (320 - heard.size, 0)), int(at // 320 in self.xruns_at))

    def close(self):
        pass


class AirSink(SilentSink):
    """What is written sounds in the room."""

    def __init__(self, room, rate_hz=16_000):
        super().__init__(rate_hz, 80, lambda: room.now_s, room.sleep)
        self.room = room

    def write(self, samples):
        at = round((self.room.now_s - 100.0) * 16_000) + self.queued_frames()
        self.room.air[at : at + samples.size] = samples
        return super().write(samples)


@pytest.mark.parametrize("delay_frames", [0, 640, 4_800])
def test_the_delay_is_that_of_the_room(monkeypatch, delay_frames):
    room = Room(delay_frames)
    monkeypatch.setattr("speakerd.doctor.probes.echo.time.monotonic", lambda: room.now_s)
    take = play_and_listen(room, AirSink(room), chirp.row(2))
    found = chirp.what_reached(take, 2)
    assert found.echo.delay_ms == pytest.approx(delay_frames / 16, abs=2)
    assert found.echo.loss_db == pytest.approx(0, abs=0.5)
    assert (take.capture_xruns, take.playback_xruns) == (0, 0)


def test_lost_sound_is_counted(monkeypatch):
    room = Room()
    room.xruns_at = (5, 9)
    monkeypatch.setattr("speakerd.doctor.probes.echo.time.monotonic", lambda: room.now_s)
    assert play_and_listen(room, AirSink(room), chirp.row(1)).capture_xruns == 2


@pytest.mark.alsa
def test_the_virtual_card_with_and_without_a_room(sound_card):
    assert reach(MIC, SPEAKER, sweeps=1).echo is None
    sound_card.loop(120, -20)
    try:
        found = reach(MIC, SPEAKER, sweeps=2, playback_rate_hz=44_100, capture_rate_hz=48_000)
    finally:
        sound_card.noloop()
    assert found.echo.delay_ms == pytest.approx(135, abs=45)
    assert found.echo.loss_db == pytest.approx(20, abs=1)
    assert found.capture_xruns == 0


@pytest.mark.alsa
def test_a_name_that_is_not_there_is_a_device_error(sound_card):
    with pytest.raises(DeviceError, match="nosuch"):
        reach("nosuch", SPEAKER)
    with pytest.raises(DeviceError, match="nosuch"):
        reach(MIC, "nosuch")
