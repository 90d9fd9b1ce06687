"""The virtual card itself: what one side plays, the other hears, at the time that is told."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from speakerd.demo.recording import Recorder, Recording, speak
from speakerd.demo.soundcard import CARD_RATE_HZ, VirtualSoundCard, missing_programs
from speakerd.errors import SpeakerdError

pytestmark = pytest.mark.alsa

BURST = np.random.default_rng(5).integers(-10_000, 10_000, CARD_RATE_HZ // 4).astype(np.int16)


def test_speech_into_the_microphone_is_found_where_it_was(sound_card):
    recorder = Recorder(sound_card, "mic")
    recorder.start()
    began_s = time.monotonic()
    speak(sound_card, BURST, CARD_RATE_HZ).wait()
    ended_s = time.monotonic()
    time.sleep(0.1)
    recording = recorder.stop()
    at_s, fit = recording.find(BURST)
    assert fit > 0.99
    assert began_s - 0.02 < at_s < ended_s, "true to the 10 ms in which the card works"
    assert np.array_equal(recording.samples[recording.index_at(at_s) :][: BURST.size], BURST)


def test_the_room_leads_from_loudspeaker_to_microphone(sound_card):
    from speakerd.hw.loudspeaker import AlsaSink

    recorders = [Recorder(sound_card, "speaker"), Recorder(sound_card, "mic")]
    for recorder in recorders:
        recorder.start()
    sound_card.loop(60, -20)
    try:
        sink = AlsaSink("speakerd_speaker", CARD_RATE_HZ, 80)
        silence = np.zeros(960, np.int16)
        for _ in range(15):
            sink.write(silence)
        for start in range(0, BURST.size, 960):
            sink.write(np.resize(BURST[start : start + 960], 960))
        for _ in range(15):
            sink.write(silence)
        sink.close()
    finally:
        sound_card.noloop()
    (near_s, near_fit), (far_s, far_fit) = (recorder.stop().find(BURST) for recorder in recorders)
    assert near_fit > 0.99
    assert far_fit > 0.4, "PulseAudio's loopback hiccups when the machine is busy; by chance it would be 0.05"
    assert 0.02 < far_s - near_s < 0.15


def test_a_player_that_comes_meanwhile_does_not_take_the_rooms_volume(sound_card, monkeypatch):
    pactl = sound_card.pactl
    spoken = []

    def slow(*words):
        told = pactl(*words)
        if words[:2] == ("load-module", "module-loopback"):
            spoken.append(speak(sound_card, np.tile(BURST, 8), CARD_RATE_HZ))
            while len(pactl("list", "short", "sink-inputs").splitlines()) < 2:
                time.sleep(0.01)
        return told

    monkeypatch.setattr(sound_card, "pactl", slow)
    sound_card.loop(60, -20)
    try:
        streams = pactl("list", "sink-inputs").split("Sink Input #")[1:]
    finally:
        sound_card.noloop()
        spoken[0].stop()
    assert {("loopback" in stream, "-20.00 dB" in stream) for stream in streams} == {(True, True), (False, False)}


def test_a_card_starts_stops_and_starts_again(tmp_path):
    if missing_programs():
        pytest.skip("needs PulseAudio")
    card = VirtualSoundCard(tmp_path / "a rather long name for a folder" / ("x" * 100))
    for _ in range(2):
        card.start()
        card.start()
        pids = [process.pid for process in card._processes.values()]
        assert "speakerd_speaker" in card.pactl("list", "short", "sinks")
        card.stop()
        card.stop()
        assert not any(_runs(pid) for pid in pids)


def test_a_card_that_cannot_start_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr("speakerd.demo.soundcard.missing_programs", lambda: ("pacat",))
    with pytest.raises(SpeakerdError, match=r"needs pacat \(install pulseaudio"):
        VirtualSoundCard(tmp_path).start()


def _runs(pid):
    return Path(f"/proc/{pid}").exists()


def test_places_in_a_recording():
    recording = Recording(np.concatenate([np.zeros(4800), BURST, np.zeros(4800)]).astype(np.int16), 50.0)
    at_s, fit = recording.find(BURST)
    assert at_s == pytest.approx(50.1)
    assert fit == pytest.approx(1.0)
    assert recording.index_at(50.1) == 4800
    assert recording.index_at(0.0) == 0
    assert recording.index_at(99.0) == recording.samples.size
    assert np.array_equal(recording.between(50.1, 50.35), BURST)
    assert Recording(np.zeros(9600, np.int16), 0.0).find(BURST[:4800])[1] == 0.0
