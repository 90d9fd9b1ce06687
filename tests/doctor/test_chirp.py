"""Sweeps are found in noise, late and faint, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.doctor import chirp
from speakerd.doctor.chirp import Take, find, row, sweep_dbfs, what_reached
from speakerd.pcm import level_dbfs
from speakerd.speaker.line import Line

SWEEPS = 3


def room(*, delay_ms=40.0, gain_db=-20.0, noise_dbfs=-60.0, seed=0, tail=0.1, far=None):
    """What a microphone hears of a row."""
    noise = np.random.default_rng(seed)
    far = row(SWEEPS) if far is None else far
    path = noise.standard_normal(8_000) * 10 ** (-3 * np.arange(8_000) / 16_000 / 0.5) * tail
    path[0] = 1.0
    size = 1 << (far.size + path.size).bit_length()
    echo = np.fft.irfft(np.fft.rfft(far, size) * np.fft.rfft(path, size))[: far.size]
    late = np.concatenate([np.zeros(round(delay_ms * 16)), echo])[: far.size] * 10 ** (gain_db / 20)
    near = late + noise.standard_normal(far.size) * 32768 * 10 ** (noise_dbfs / 20)
    return np.clip(near, -32768, 32767).astype(np.int16)


def found(near, at_frames=0.0):
    return find(near, at_frames, SWEEPS, sweep_dbfs())


@pytest.mark.parametrize("delay_ms", [0, 40, 123, 500])
@pytest.mark.parametrize("gain_db", [-6.0, -20.0, -40.0])
def test_delay_and_loss_are_measured(delay_ms, gain_db):
    echo = found(room(delay_ms=delay_ms, gain_db=gain_db, tail=0.0, noise_dbfs=-75.0))
    assert echo.delay_ms == pytest.approx(delay_ms, abs=0.2)
    assert echo.loss_db == pytest.approx(-gain_db, abs=0.5)
    assert (echo.sweeps, echo.clipped_frames) == (SWEEPS, 0)


def test_an_echo_below_the_noise_is_found():
    near = room(gain_db=-45.0, noise_dbfs=-48.0, tail=0.0)  # the sweeps lie 12 dB under the noise
    assert found(near).delay_ms == pytest.approx(40, abs=0.2)


def test_a_reverberant_room_hides_nothing():
    assert found(room(tail=0.15)).delay_ms == pytest.approx(40, abs=1)


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_echo(seed):
    assert found(room(gain_db=-120.0, seed=seed, noise_dbfs=-30.0)) is None


@pytest.mark.parametrize("hz", [200, 1_000, 3_000])
def test_a_tone_and_a_whistle_are_no_echo(hz):
    time_s = np.arange(row(SWEEPS).size) / 16_000
    tone = np.sin(2 * np.pi * (hz + 300 * np.sin(2 * np.pi * time_s)) * time_s)
    assert found((8_000 * tone).astype(np.int16)) is None


def test_silence_is_no_echo():
    assert found(np.zeros(row(SWEEPS).size, np.int16)) is None
    assert found(np.full(row(SWEEPS).size, 17, np.int16)) is None


def test_one_sweep_that_is_covered_does_not_matter_and_two_do():
    near = room()
    for covered, there in ((1, True), (2, False)):
        loud = near.copy()
        for number in range(covered):
            begin = (chirp.LEAD_MS + number * (chirp.SWEEP_MS + chirp.PAUSE_MS)) * 16 - 800  # of the first two
            loud[begin : begin + 10_500] = 0
        assert (found(loud) is not None) is there


def test_the_place_where_the_row_began_is_taken_off():
    near = np.concatenate([np.zeros(4_000, np.int16), room(), np.zeros(1_000, np.int16)])
    assert found(near, 4_000.0).delay_ms == pytest.approx(40, abs=0.2)


@pytest.mark.parametrize("off_ms", [-1_100, -700, 900])
def test_a_row_that_is_out_of_step_is_heard_all_the_same(off_ms):
    near = np.concatenate([np.zeros(24_000, np.int16), room(tail=0.0), np.zeros(24_000, np.int16)])
    echo = found(near, 24_000.0 + off_ms * 16)
    assert echo.out_of_step
    assert echo.loss_db == pytest.approx(20, abs=1.5)
    assert not found(near, 24_000.0).out_of_step


def test_clipping_is_counted():
    assert found(room(gain_db=14.0)).clipped_frames > 100


def test_what_reached_knows_the_room_and_the_volume():
    gain = chirp.gain(50)
    near = room(far=row(SWEEPS, gain), noise_dbfs=-50.0, tail=0.0)
    reach = what_reached(Take(near, 0.0, 1, 2), SWEEPS, gain)
    assert reach.echo.loss_db == pytest.approx(20, abs=0.5), "quieter, but not further away"
    assert reach.room_dbfs == pytest.approx(-50, abs=1)
    assert (reach.capture_xruns, reach.playback_xruns) == (1, 2)


@pytest.mark.parametrize("percent", [0, 30, 100])
def test_the_volume_is_that_of_the_daemon(percent):
    line = Line(16_000, {"tone": np.full(3_200, 10_000, np.int16)}, 100, percent)
    line.play_earcon("tone")
    periods = [line.next_period(320)[0] for _ in range(8)]
    assert np.max(np.abs(periods[5])) == pytest.approx(10_000 * chirp.gain(percent), abs=2)


def test_surf_is_as_loud_as_the_sweeps_and_always_the_same():
    surf = chirp.surf(3_000)
    assert level_dbfs(surf) == pytest.approx(sweep_dbfs(), abs=1.0)
    assert np.array_equal(surf, chirp.surf(3_000))
    assert np.abs(surf.astype(int)).max() < 32_000


def test_at_another_rate_it_is_the_same_sound():
    assert chirp.at_rate(row(1), 48_000).size == pytest.approx(3 * row(1).size, abs=1)
    assert chirp.at_rate(row(1), 16_000).size == row(1).size
