"""A linear echo canceller: tells what of the microphone's sound the loudspeaker explains. numpy only.

A frequency-domain Kalman filter in partitions (Enzner and Vary 2006; Kuech, Mabande and Enzner 2014). It takes
out less echo than AEC3 but never touches the user's voice: its error and its estimate together tell who speaks.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, Samples

Floats: TypeAlias = NDArray[np.float32]
"""Shape (n,), float32, mono 16 kHz, ±1 full scale."""

PARTITIONS = 21
"""Blocks of 20 ms that the filter spans: 420 ms, for 250 ms of delay and the strong part of a room's answer."""

_BLOCK = NEAR_PERIOD_FRAMES
_FFT = 2 * _BLOCK
_BINS = _BLOCK + 1
_KEEP = np.float32(0.99**2)  # of the path from block to block, as power: clocks 100 ppm apart move it within seconds
_START_UNCERTAINTY = 1.0
_NEAR_SMOOTHING = np.float32(0.95)  # of the near-end power: 20 blocks
_CONSTRAINED_AT_ONCE = 3  # partitions whose circular part is cut in a block, in turn: all at once cost 4 times as much
_LEVEL_SMOOTHING = 0.9  # of both sounds' power: 10 blocks
_DIVERGED = 1.6  # times as much power as the microphone's, 2 dB
_LEARNT = 0.25  # of it: 6 dB of the echo are gone, and nobody speaks
_LEARNT_BLOCKS = 50  # of these: longer than a wake sound, which alone teaches nothing of words
_SILENT_POWER = 1e-7  # of a block's spectrum: below the last bit of 16


class LinearEcho:
    """Fed each near frame with the reference frame that leads it; one thread; costs nothing while nothing plays."""

    def __init__(self) -> None:
        shape = (PARTITIONS, _BINS)
        self._far = np.zeros(shape, np.complex64)  # spectra of the last far blocks, newest first
        self._far_power = np.zeros(shape, np.float32)
        self._path = np.zeros(shape, np.complex64)
        self._uncertainty = np.full(shape, _START_UNCERTAINTY, np.float32)
        self._near_power = np.zeros(_BINS, np.float32)
        self._window = np.zeros(_FFT, np.float32)  # far block before, far block now
        self._padded = np.zeros(_FFT, np.float32)  # zeros, error
        self._product = np.empty(shape, np.complex64)
        self._gain = np.empty(shape, np.float32)
        self._scratch = np.empty(shape, np.float32)
        self._near_level = self._error_level = 0.0
        self._learnt_blocks = 0
        self.divergences = 0
        """Times that what it had learnt was forgotten, for it made the echo louder."""
        self._turn = 0
        self._silent_blocks = PARTITIONS

    def process(self, near: Samples, far: Samples) -> tuple[Floats, Floats]:
        """(error, echo estimate) of a near frame: their sum is the near frame. All 320 samples."""
        heard = near.astype(np.float32) * np.float32(1 / 32768)
        if not self._push(far):
            return heard, np.zeros(_BLOCK, np.float32)
        np.multiply(self._far, self._path, out=self._product)
        estimate: Floats = np.fft.irfft(self._product.sum(axis=0), _FFT)[_BLOCK:].astype(np.float32, copy=False)
        error = heard - estimate
        if self._diverged(heard, error):
            self._path[:] = 0.0
            error, estimate = heard, np.zeros(_BLOCK, np.float32)
        self._padded[_BLOCK:] = error
        self._learn(np.fft.rfft(self._padded).astype(np.complex64, copy=False))
        return error, estimate

    @property
    def echo_delay_ms(self) -> float | None:
        """From the reference to the strongest part of its echo; None before anything was learnt. Costs 1 ms."""
        answer = np.fft.irfft(self._path, _FFT)[:, :_BLOCK].ravel()
        strongest = int(np.argmax(np.abs(answer)))
        return strongest * 1000 / NEAR_RATE_HZ if answer[strongest] else None

    def _push(self, far: Samples) -> bool:
        """Take a far block; False if there has been silence for the whole length of the filter."""
        self._silent_blocks = 0 if far.any() else min(self._silent_blocks + 1, PARTITIONS + 1)
        if self._silent_blocks > PARTITIONS:
            return False
        self._window[:_BLOCK] = self._window[_BLOCK:]
        np.multiply(far, np.float32(1 / 32768), out=self._window[_BLOCK:])
        self._far[1:] = self._far[:-1]
        self._far_power[1:] = self._far_power[:-1]
        newest = np.fft.rfft(self._window)
        self._far[0] = newest
        self._far_power[0] = newest.real**2 + newest.imag**2
        return True

    def _diverged(self, heard: Floats, error: Floats) -> bool:
        """Has it taken the user for echo? So it does if it knows nothing yet, and they speak over the wake sound."""
        if self._learnt_blocks >= _LEARNT_BLOCKS:
            return False
        self._near_level += (1 - _LEVEL_SMOOTHING) * (float(np.dot(heard, heard)) - self._near_level)
        self._error_level += (1 - _LEVEL_SMOOTHING) * (float(np.dot(error, error)) - self._error_level)
        self._learnt_blocks += self._error_level < _LEARNT * self._near_level
        if self._error_level <= _DIVERGED * self._near_level:
            return False
        self._error_level = self._near_level
        self.divergences += 1
        return True

    def _learn(self, error: NDArray[np.complex64]) -> None:
        gain, scratch = self._gain, self._scratch
        power = error.real**2 + error.imag**2
        self._near_power += (1 - _NEAR_SMOOTHING) * (power - self._near_power)
        np.multiply(self._uncertainty, self._far_power, out=scratch)
        expected = scratch.sum(axis=0) + 2 * self._near_power + np.float32(_SILENT_POWER)
        np.divide(self._uncertainty, expected, out=gain)
        # The path: a step towards what explains the error.
        np.conjugate(self._far, out=self._product)
        self._product *= error
        self._product *= gain
        self._path += self._product
        self._constrain()
        # Its uncertainty: less by what was learnt, more by what may have changed since.
        gain *= self._far_power
        gain *= np.float32(-0.5) * _KEEP
        gain += _KEEP
        self._uncertainty *= gain
        np.square(self._path.real, out=scratch)
        scratch += np.square(self._path.imag)
        scratch *= 1 - _KEEP
        self._uncertainty += scratch

    def _constrain(self) -> None:
        # A partition is 20 ms long: what circular convolution put into the second half of its 40 ms does not belong.
        rows = slice(self._turn, self._turn + _CONSTRAINED_AT_ONCE)
        answer = np.fft.irfft(self._path[rows], _FFT)
        answer[:, _BLOCK:] = 0
        self._path[rows] = np.fft.rfft(answer)
        self._turn = (self._turn + _CONSTRAINED_AT_ONCE) % PARTITIONS
