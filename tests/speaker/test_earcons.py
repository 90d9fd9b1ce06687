"""Short, soft, at their level, and never taken for a voice."""

from __future__ import annotations

import numpy as np
import pytest
import webrtcvad

from speakerd.dsp.resample import Resampler
from speakerd.pcm import to_bytes
from speakerd.speaker.earcons import NAMES, Earcons, synthesise

RATES = (16_000, 24_000, 44_100, 48_000)


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("name", NAMES)
def test_length_level_and_edges(name, rate_hz):
    sound = synthesise(name, rate_hz, -20.0).astype(int)
    assert 0.12 <= sound.size / rate_hz <= 0.35
    assert np.max(np.abs(sound)) == pytest.approx(32767 * 0.1, abs=2)
    assert abs(sound[0]) <= 10
    assert abs(sound[-1]) <= 10
    assert abs(np.mean(sound)) < 20
    loudest_step = 2 * np.pi * 2 * 1400 / rate_hz * 3277  # of a sine at the octave: more would be a click
    assert np.max(np.abs(np.diff(sound))) < loudest_step


def voiced_frames(name, level_dbfs):
    noise = np.random.default_rng(0).normal(0, 3, 48_000).astype(np.int16)
    sound = synthesise(name, 16_000, level_dbfs)
    noise[32_000 : 32_000 + sound.size] += sound
    vad = webrtcvad.Vad(3)
    return sum(vad.is_speech(to_bytes(noise[at : at + 320]), 16_000) for at in range(0, noise.size, 320))


@pytest.mark.parametrize("name", NAMES)
def test_the_voice_detector_hears_hardly_any_speech(name):
    assert voiced_frames(name, -20.0) <= 10, "even fed straight in: less than what counts as speech anywhere"
    assert voiced_frames(name, -35.0) == 0, "as the microphone hears it from the loudspeaker"


def test_own_sounds_and_none():
    own = np.rint(5000 * np.sin(np.arange(2400) * 2 * np.pi * 500 / 24_000)).astype(np.int16)
    sounds = Earcons(-20.0, {"wake": (own, 24_000), "error": None}).at_rate(48_000)
    resampler = Resampler(24_000, 48_000)
    assert np.array_equal(sounds["wake"], np.concatenate([resampler.push(own), resampler.flush()]))
    assert sounds["error"].size == 0
    assert np.array_equal(sounds["goodbye"], synthesise("goodbye", 48_000, -20.0))


def test_they_differ():
    sounds = [synthesise(name, 16_000, -20.0) for name in NAMES]
    assert not np.array_equal(sounds[0], sounds[1])
    assert len({sound.tobytes() for sound in sounds}) == len(NAMES)
