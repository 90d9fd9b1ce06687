"""Turn detection on the received sound: real speech, tones, noise. Time is samples."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speakerd.pcm import NEAR_RATE_HZ, Samples
from speakerd.server.settings import ServerVad
from speakerd.server.turns import SpeechPaused, SpeechStarted, SpeechStopped, TurnDetector, TurnEvent

Say = Callable[..., Samples]


def detect(samples: Samples, start_ms: int = 0, chunk: int = 437, **settings: object) -> list[TurnEvent]:
    """All events for 16 kHz sound, fed in odd chunks."""
    detector = TurnDetector(ServerVad.model_validate({"type": "server_vad", **settings}), start_ms)
    return [e for at in range(0, samples.size, chunk) for e in detector.feed(samples[at : at + chunk])]


def turns(samples: Samples, **settings: object) -> list[TurnEvent]:
    return [e for e in detect(samples, **settings) if not isinstance(e, SpeechPaused)]


def around(sound: np.ndarray) -> Samples:
    """The sound between a second of quiet and two."""
    quiet = np.random.default_rng(3).normal(0, 4, 3 * NEAR_RATE_HZ)
    return np.concatenate([quiet[:NEAR_RATE_HZ], sound, quiet[NEAR_RATE_HZ:]]).astype(np.int16)


def tone(hz: float, ms: int, dbfs: float) -> np.ndarray:
    n = NEAR_RATE_HZ * ms // 1000
    edge = np.minimum(1.0, np.minimum(np.arange(n), n - np.arange(n)) / 80)
    return np.sin(2 * np.pi * hz * np.arange(n) / NEAR_RATE_HZ) * edge * 32767 * 10 ** (dbfs / 20)


@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16"])
@pytest.mark.parametrize("text", ["Stop.", "No.", "What time is it?"])
def test_a_short_word_is_one_turn_with_its_padding_and_its_silence(say: Say, voice: str, text: str):
    sound = say(text, voice, NEAR_RATE_HZ)
    loud = np.flatnonzero(np.abs(sound) > 300)
    first_ms, last_ms = int(loud[0]) // 16, int(loud[-1]) // 16
    started, stopped = turns(sound, prefix_padding_ms=300, silence_duration_ms=500)
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert first_ms - 420 <= started.audio_start_ms <= first_ms - 100, "the padding must hold the onset"
    assert last_ms + 300 <= stopped.audio_end_ms <= last_ms + 700


@pytest.mark.parametrize("silence_ms", [200, 500, 800])
def test_the_silence_that_ends_a_turn_is_as_asked(say: Say, silence_ms: int):
    sound = say("What time is it?", "rms", NEAR_RATE_HZ)
    stops = [turns(sound, silence_duration_ms=ms)[-1] for ms in (silence_ms, silence_ms + 100)]
    assert stops[1].audio_end_ms - stops[0].audio_end_ms == 100


def test_a_pause_inside_a_turn_does_not_end_it(say: Say):
    words = [
        say("Tell me a story", "rms", NEAR_RATE_HZ)[15_000:-16_000],
        np.zeros(4_000),
        say("please now", "rms", NEAR_RATE_HZ)[16_000:],
    ]
    sound = np.concatenate([np.zeros(16_000), *words]).astype(np.int16)
    assert len(turns(sound, silence_duration_ms=800)) == 2
    events = detect(sound, silence_duration_ms=800)
    pauses = [e for e in events if isinstance(e, SpeechPaused)]
    assert len(pauses) >= 2, "the gap, and the end"
    assert isinstance(events[-2], SpeechPaused), "the last pause comes before the stop"
    assert isinstance(events[-1], SpeechStopped)


@pytest.mark.parametrize("dbfs", [-30, -20, -6])
def test_tones_of_any_length_are_no_speech(dbfs: float):
    for hz in range(150, 3900, 150):
        for ms in (150, 250, 1000):
            assert not detect(around(tone(hz, ms, dbfs))), f"{hz} Hz, {ms} ms"


def test_chimes_are_no_speech():
    for hz in (440.0, 523.25, 659.26, 784.0, 880.0):
        rising = np.concatenate([tone(hz, 150, -20), tone(hz * 1.5, 250, -20)])
        chord = sum(tone(hz * k, 250, -26) for k in (1, 1.25, 1.5))
        fading = tone(hz, 400, -12) * np.exp(-np.arange(6400) / 1600)
        for name, chime in (("rising", rising), ("chord", chord), ("fading", fading)):
            assert not detect(around(np.asarray(chime))), f"{name} {hz}"


@pytest.mark.parametrize("ms", [5, 50, 150, 290, 2000])
def test_hiss_and_knocks_are_no_speech(ms: int):
    noise = np.random.default_rng(5).normal(0, 3000, NEAR_RATE_HZ * ms // 1000)
    assert not detect(around(noise))


def test_silence_is_no_speech():
    assert not detect(np.zeros(10 * NEAR_RATE_HZ, dtype=np.int16))


def test_time_counts_from_where_the_detector_began(say: Say):
    sound = say("What time is it?", "rms", NEAR_RATE_HZ)
    early, late = detect(sound)[0], detect(sound, start_ms=60_000)[0]
    assert isinstance(early, SpeechStarted)
    assert isinstance(late, SpeechStarted)
    assert late.audio_start_ms - early.audio_start_ms == 60_000


def test_a_turn_never_reaches_back_into_the_one_before(say: Say):
    word = say("What time is it?", "rms", NEAR_RATE_HZ)[14_000:]
    events = turns(np.concatenate([word, word]), silence_duration_ms=200, prefix_padding_ms=2000)
    assert len(events) == 4
    assert events[2].audio_start_ms >= events[1].audio_end_ms


def test_a_monologue_is_cut(say: Say):
    word = say("Tell me a long story about the lighthouse.", "rms", NEAR_RATE_HZ)[16_000:-20_000]
    detector = TurnDetector(ServerVad(type="server_vad", silence_duration_ms=2_000), 0, max_turn_ms=5_000)
    events = detector.feed(np.tile(word, 8))
    stops = [e for e in events if isinstance(e, SpeechStopped)]
    assert stops
    assert stops[0].audio_end_ms <= 5_500


def test_real_people_are_heard(shared: Path):
    """Recordings of commands: at least 19 of 20 are turns."""
    files = sorted((shared / "audio" / "commands").glob("*.wav"))[::4]
    wrong = []
    for file in files:
        with wave.open(str(file)) as sound:
            assert (sound.getframerate(), sound.getnchannels()) == (16_000, 1)
            samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
        found = turns(around(samples), silence_duration_ms=500)
        if not found:
            wrong.append(file.name)
    assert len(files) >= 10
    assert len(wrong) <= len(files) // 20, wrong
