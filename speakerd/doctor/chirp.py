"""A sound that is easy to find again: a row of rising sweeps, and the matched filter that finds them. Pure.

A sweep of 0.4 s over 5.5 kHz stands 33 dB further out of noise behind its matched filter than before it, so an
echo is found that nobody would hear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from speakerd.dsp.resample import Resampler
from speakerd.pcm import NEAR_RATE_HZ, Samples, level_dbfs, ms_to_frames

LEAD_MS = 500
"""Silence ahead of the first sweep: what is heard in it is the room."""
SWEEP_MS = 400
PAUSE_MS = 300
"""Silence after the first sweep: an echo ends in it."""
LATEST_ECHO_MS = 600
"""Echoes are looked for up to here; Bluetooth loudspeakers are as late as that."""
EARLIEST_ECHO_MS = -60
"""… and from here: when a sound leaves the card is known no better."""
PEAK_DBFS = -12.0
"""As loud as a voice that speaks clearly."""

_LOW_HZ, _HIGH_HZ = 400.0, 5_900.0
_FADE_MS = 20
_SYLLABLES_HZ = 2.5
_LIKENESS = 0.12
"""Correlation, 0 to 1, from which it is an echo. The best of noise reaches 0.07; an echo 12 dB under noise has 0.24."""
_LEAST_RMS = 0.3
"""Of the last bit: what is fainter is no sound, whatever it looks like."""
_SAME_MS = 3.0
"""Sweeps whose echoes come so nearly at the same time are one path."""
_LONGER_MS = 130
"""Each further pause is so much longer than the one before."""
_SHIFTS_MS = (0, 600, -600, 1_200, -1_200)
_SPARE_MS = 100
_CLIPPED = 32_700

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Echo:
    """How a loudspeaker's sound reaches a microphone."""

    delay_ms: float
    """From the time when a sample should leave the card to the time when it was heard."""
    level_dbfs: float
    """Of what was heard, the room's own sound taken off."""
    loss_db: float
    """How much quieter it was heard than played."""
    sweeps: int
    """How many of the sweeps were found at this delay."""
    of_sweeps: int
    clipped_frames: int
    """Samples at full scale while it was heard."""

    @property
    def out_of_step(self) -> bool:
        """True if no echo comes at such a time: sound was lost, and the delay says nothing."""
        return not EARLIEST_ECHO_MS <= self.delay_ms <= LATEST_ECHO_MS


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """What was heard while something played."""

    near: Samples
    """int16 mono 16 kHz."""
    far_at_frames: float
    """Place in `near` at which the first sample should have left the loudspeaker; a few ms uncertain."""
    capture_xruns: int
    playback_xruns: int


@dataclass(frozen=True, slots=True)
class Reach:
    """What a microphone hears of a loudspeaker."""

    echo: Echo | None
    """None: nothing of it."""
    room_dbfs: float
    """Level before the first sweep; −120: nothing at all, not even noise."""
    capture_xruns: int
    playback_xruns: int


def what_reached(take: Take, sweeps: int, gain: float = 1.0) -> Reach:
    """What a take of `row(sweeps, gain)` shows."""
    echo = find(take.near, take.far_at_frames, sweeps, sweep_dbfs(gain))
    room = room_of(take.near, take.far_at_frames)
    return Reach(echo, level_dbfs(room), take.capture_xruns, take.playback_xruns)


def gain(volume_percent: int) -> float:
    """What the daemon's own volume makes of its samples (`speaker.line`)."""
    return (volume_percent / 100) ** 2


def row_ms(sweeps: int) -> int:
    """How long `row` sounds, the silence around the sweeps included."""
    return _onset_ms(sweeps - 1) + SWEEP_MS + LATEST_ECHO_MS + _SPARE_MS


def row(sweeps: int, gain: float = 1.0) -> Samples:
    """Silence, then `sweeps` sweeps with a pause behind each: int16 mono 16 kHz."""
    sound = np.zeros(ms_to_frames(row_ms(sweeps), NEAR_RATE_HZ))
    one = _sweep() * (32767 * 10 ** (PEAK_DBFS / 20) * gain)
    for number in range(sweeps):
        at = ms_to_frames(_onset_ms(number), NEAR_RATE_HZ)
        sound[at : at + one.size] = one
    return np.rint(sound).astype(np.int16)


def surf(ms: int, gain: float = 1.0) -> Samples:
    """Noise with a voice's spectrum and syllables, as loud as the sweeps: int16 mono 16 kHz, always the same.

    Echo cancellers are made for such sound; of sweeps they make less than of the voice that they will meet.
    """
    length = ms_to_frames(ms, NEAR_RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(length))
    hz = np.fft.rfftfreq(length, 1 / NEAR_RATE_HZ)
    voiced = (hz > _LOW_HZ / 2) & (hz < _HIGH_HZ)
    noise = np.fft.irfft(spectrum * np.where(voiced, 1 / np.sqrt(np.maximum(hz, _LOW_HZ / 2)), 0), length)
    noise *= np.maximum(np.sin(2 * np.pi * _SYLLABLES_HZ * np.arange(length) / NEAR_RATE_HZ), 0) ** 0.7
    noise *= 10 ** (sweep_dbfs(gain) / 20) / np.sqrt(np.mean(np.square(noise)))
    return np.rint(32767 * np.clip(noise, -0.9, 0.9)).astype(np.int16)


def at_rate(sound: Samples, rate_hz: int) -> Samples:
    """`sound` of 16 kHz at another rate."""
    converter = Resampler(NEAR_RATE_HZ, rate_hz)
    return np.concatenate([converter.push(sound), converter.flush()])


def find(near: Samples, far_at_frames: float, sweeps: int, far_dbfs: float) -> Echo | None:
    """The echo of a row of `sweeps` in `near`, 16 kHz; None if there is none.

    `far_at_frames` is the place in `near` at which the row began to sound; `far_dbfs` the level of a sweep as played.
    Where sound was lost that place is wrong, so it is looked for earlier and later too, in steps.
    """
    for shift_ms in _SHIFTS_MS:
        at_frames = far_at_frames + shift_ms * NEAR_RATE_HZ / 1000
        if (echo := _find(near, at_frames, sweeps, far_dbfs)) is not None:
            return replace(echo, delay_ms=echo.delay_ms + shift_ms)
    return None


def _find(near: Samples, far_at_frames: float, sweeps: int, far_dbfs: float) -> Echo | None:
    found = [_filtered(near, far_at_frames, number) for number in range(sweeps)]
    responses = [response for response in found if response is not None]
    if not responses:
        return None
    together = np.sqrt(np.mean(np.square(responses), axis=0))
    place = int(np.argmax(np.median(responses, axis=0)))
    near_by = ms_to_frames(_SAME_MS, NEAR_RATE_HZ)
    around = slice(max(0, place - near_by), place + near_by + 1)
    agreeing = sum(_stands_out(response, around) for response in responses)
    if 2 * agreeing <= sweeps or not _stands_out(together, around):
        return None
    delay_ms = EARLIEST_ECHO_MS + 1000 * place / NEAR_RATE_HZ
    heard, room = _heard(near, far_at_frames, sweeps, delay_ms)
    power = max(_power(heard) - _power(room), 1.0)
    echo_dbfs = 10 * math.log10(power / 32768.0**2)
    clipped = int(np.count_nonzero(np.abs(heard.astype(np.int32)) >= _CLIPPED))
    return Echo(delay_ms, echo_dbfs, far_dbfs - echo_dbfs, agreeing, sweeps, clipped)


def sweep_dbfs(gain: float = 1.0) -> float:
    """RMS level of one sweep of `row`, dBFS."""
    return level_dbfs(np.rint(_sweep() * (32767 * 10 ** (PEAK_DBFS / 20) * gain)).astype(np.int16))


def room_of(near: Samples, far_at_frames: float) -> Samples:
    """What was heard before the first sweep."""
    end = int(far_at_frames) + ms_to_frames(LEAD_MS + EARLIEST_ECHO_MS, NEAR_RATE_HZ)
    return near[max(0, end - ms_to_frames(LEAD_MS, NEAR_RATE_HZ)) : max(0, end)]


def _onset_ms(number: int) -> int:
    """No two distances are alike, so that no sweep is taken for another."""
    return LEAD_MS + number * (SWEEP_MS + PAUSE_MS) + _LONGER_MS * number * (number - 1) // 2


def _sweep() -> Array:
    """One sweep, peak 1: the frequency rises evenly, the ends are faded."""
    time_s = np.arange(ms_to_frames(SWEEP_MS, NEAR_RATE_HZ)) / NEAR_RATE_HZ
    rise = (_HIGH_HZ - _LOW_HZ) / (SWEEP_MS / 1000)
    tone: Array = np.sin(2 * np.pi * (_LOW_HZ + rise * time_s / 2) * time_s)
    edge = np.sin(np.linspace(0, np.pi / 2, ms_to_frames(_FADE_MS, NEAR_RATE_HZ))) ** 2
    tone[: edge.size] *= edge
    tone[-edge.size :] *= edge[::-1]
    return tone


def _filtered(near: Samples, far_at_frames: float, number: int) -> Array | None:
    """How like a sweep the sound at each delay is, 0 to 1; None if `near` ends before it could be one."""
    sweep = _sweep()
    first = round(far_at_frames + (_onset_ms(number) + EARLIEST_ECHO_MS) * NEAR_RATE_HZ / 1000)
    lags = ms_to_frames(LATEST_ECHO_MS - EARLIEST_ECHO_MS, NEAR_RATE_HZ)
    part = near[max(0, first) : first + lags + sweep.size].astype(np.float64)
    if first < 0 or part.size < lags + sweep.size:
        return None
    part -= part.mean()
    size = 1 << (part.size + sweep.size).bit_length()
    spectrum = np.fft.rfft(part, size) * np.conj(np.fft.rfft(sweep, size))
    energy = np.concatenate([[0.0], np.cumsum(np.square(part))])
    under = np.maximum(energy[sweep.size :] - energy[: -sweep.size], sweep.size * _LEAST_RMS**2)[:lags]
    likeness: Array = np.abs(np.fft.irfft(spectrum, size)[:lags]) / (np.sqrt(under) * float(np.linalg.norm(sweep)))
    return likeness


def _stands_out(response: Array, around: slice) -> bool:
    """True if the highest peak, or one half as high, lies there, and is an echo."""
    peak = float(response[around].max())
    return peak >= _LIKENESS and peak >= 0.5 * float(response.max())


def _heard(near: Samples, far_at_frames: float, sweeps: int, delay_ms: float) -> tuple[Samples, Samples]:
    """All of `near` in which the sweeps are heard, and the room's own sound before."""
    parts = []
    for number in range(sweeps):
        first = round(far_at_frames + (_onset_ms(number) + delay_ms) * NEAR_RATE_HZ / 1000)
        parts.append(near[max(0, first) : first + ms_to_frames(SWEEP_MS, NEAR_RATE_HZ)])
    return np.concatenate(parts), room_of(near, far_at_frames)


def _power(samples: Samples) -> float:
    return float(np.mean(np.square(samples.astype(np.float64)))) if samples.size else 0.0
