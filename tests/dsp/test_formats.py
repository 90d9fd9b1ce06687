"""Sample formats against Python's own integers and floats."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from speakerd.dsp.formats import FORMATS, decode, decode_all, encode

EXTREMES = np.array([0, 1, -1, 255, 256, -256, 12345, -12345, 32767, -32768], np.int16)
WIDE = [name for name in FORMATS if name != "U8"]


def stored(name: str, value: int) -> bytes:
    """One int16 sample as the format stores it, worked out without numpy."""
    order = "little" if name.endswith("LE") else "big"
    if name.startswith("S16"):
        return value.to_bytes(2, order, signed=True)
    if name.startswith("S32"):
        return (value << 16).to_bytes(4, order, signed=True)
    if name.startswith("S24_3"):
        return (value << 8).to_bytes(3, order, signed=True)
    if name.startswith("S24"):
        return (value << 8).to_bytes(4, order, signed=True)
    if name.startswith("FLOAT"):
        kind = "d" if "64" in name else "f"
        return struct.pack(("<" if order == "little" else ">") + kind, value / 32768)
    assert name == "U8"
    return bytes([(value >> 8) + 128])


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_are_those_of_the_format(name):
    assert encode(EXTREMES, FORMATS[name]) == b"".join(stored(name, int(value)) for value in EXTREMES)


@pytest.mark.parametrize("name", WIDE)
def test_there_and_back_is_exact(name):
    everything = np.arange(-32768, 32768).astype(np.int16)
    assert np.array_equal(decode(encode(everything, FORMATS[name]), FORMATS[name], 1), everything)


def test_u8_keeps_the_top_byte():
    back = decode(encode(EXTREMES, FORMATS["U8"]), FORMATS["U8"], 1)
    assert np.array_equal(back, (EXTREMES >> 8) << 8)


@pytest.mark.parametrize("name", FORMATS)
def test_playback_fills_all_channels(name):
    data = encode(EXTREMES, FORMATS[name], channels=3)
    channels = decode_all(data, FORMATS[name], 3)
    assert channels.shape == (EXTREMES.size, 3)
    for channel in range(3):
        assert np.array_equal(channels[:, channel], decode(encode(EXTREMES, FORMATS[name]), FORMATS[name], 1))


@pytest.mark.parametrize("name", WIDE)
def test_capture_takes_the_channel_asked_for(name):
    data = b"".join(stored(name, left) + stored(name, right) for left, right in [(1, -2), (300, -400)])
    assert decode(data, FORMATS[name], 2, 0).tolist() == [1, 300]
    assert decode(data, FORMATS[name], 2, 1).tolist() == [-2, -400]


def test_what_stands_above_24_bits_is_ignored():
    assert decode(bytes([0, 0x34, 0x12, 0xEE]), FORMATS["S24_LE"], 1).tolist() == [0x1234]
    assert decode(bytes([0xEE, 0x80, 0x00, 0]), FORMATS["S24_BE"], 1).tolist() == [-32768]


def test_low_bits_are_cut_not_carried():
    assert decode((0x7FFF_FFFF).to_bytes(4, "little"), FORMATS["S32_LE"], 1).tolist() == [32767]


def test_floats_beyond_full_scale_are_clipped():
    assert decode(struct.pack("<3f", 2.0, -2.0, 0.5), FORMATS["FLOAT_LE"], 1).tolist() == [32767, -32768, 16384]


@pytest.mark.parametrize("name", FORMATS)
def test_an_unfinished_frame_is_cut_off(name):
    data = encode(EXTREMES, FORMATS[name], channels=2)
    assert decode(data[:-1], FORMATS[name], 2).size == EXTREMES.size - 1
    assert decode(b"", FORMATS[name], 2).size == 0
