"""The wire's audio formats."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.server.audio import FORMATS, PCM, PCMA, PCMU


def test_pcm_is_little_endian_int16_at_24_khz():
    assert PCM.encode(np.array([1, -2, 258], dtype=np.int16)) == b"\x01\x00\xfe\xff\x02\x01"
    assert PCM.decode(b"\x02\x01\xff").tolist() == [258]
    assert PCM.ms(48_000) == 1000.0
    assert PCM.n_bytes(1.03) == 48


def test_g711_matches_the_tables_of_the_recommendation():
    # ITU-T G.711: the ends of the scale, the smallest steps, and silence.
    assert PCMU.decode(bytes([0x00, 0x80, 0xFF, 0x7F, 0xFE])).tolist() == [-32124, 32124, 0, 0, 8]
    assert PCMA.decode(bytes([0xD5, 0x55, 0xAA, 0x2A, 0xD4])).tolist() == [8, -8, 32256, -32256, 24]


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
def test_g711_keeps_speech_levels_within_its_noise(name: str):
    g711 = FORMATS[name]
    sound = (8000 * np.sin(np.arange(8000) * 0.3)).astype(np.int16)
    coded = g711.encode(sound)
    assert len(coded) == sound.size
    error = g711.decode(coded).astype(float) - sound
    assert 10 * np.log10(np.mean(sound.astype(float) ** 2) / np.mean(error**2)) > 35
    assert np.array_equal(g711.decode(g711.encode(g711.decode(coded))), g711.decode(coded)), "codes are stable"
