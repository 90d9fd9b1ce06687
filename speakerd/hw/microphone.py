"""A microphone behind ALSA."""

from __future__ import annotations

import errno
import time

import alsaaudio

from speakerd.dsp.formats import decode
from speakerd.dsp.resample import Resampler
from speakerd.errors import DeviceError, DeviceHungError
from speakerd.hw.alsa import STALL_HINT, STALL_S, XRUNS_IN_A_ROW, Wait, device_error, open_pcm
from speakerd.hw.device import SourceBlock
from speakerd.pcm import NEAR_RATE_HZ

CAPTURE_PERIODS = 14
"""280 ms: what the card keeps for us while the capture thread sleeps for four periods, or is held up."""


class AlsaSource:
    """A microphone: PcmSource over one ALSA capture PCM."""

    def __init__(self, device: str, rate_hz: int, channel: int) -> None:
        """Open the card; `rate_hz` is a wish, `channel` counts from 0. Raises DeviceError."""
        self._device = device
        self._channel = channel
        self._pcm, self.granted = open_pcm(alsaaudio.PCM_CAPTURE, device, rate_hz, channel + 1, CAPTURE_PERIODS)
        if channel >= self.granted.channels:
            self.close()
            raise DeviceError(
                device,
                f"has {self.granted.channels} channels, so there is no channel {channel}",
                hint="channels count from 0; set audio.capture_channel",
            )
        self._resampler = Resampler(self.granted.rate_hz, NEAR_RATE_HZ)
        self._wait = Wait(self._pcm, device)
        self._runs = False
        self._xruns = 0
        """Overruns ahead of the next read."""

    @property
    def kept_ms(self) -> int:
        """What the card granted."""
        return self.granted.buffer_frames * 1000 // self.granted.rate_hz

    def read(self, least_frames: int = 1) -> SourceBlock:
        """What the card has, once that may be enough: what it takes, the resampler may hold back."""
        missing = max(1, least_frames - self._resampler.held_frames)
        try:
            xruns, data = self._read(-(-missing * self.granted.rate_hz // NEAR_RATE_HZ))
        except alsaaudio.ALSAAudioError as error:
            raise device_error(self._device, error) from error
        samples = decode(data, self.granted.form, self.granted.channels, self._channel)
        return SourceBlock(self._resampler.push(samples), xruns)

    def _read(self, least_frames: int) -> tuple[int, bytes]:
        """As `read`, at the card's rate."""
        xruns, self._xruns = self._xruns, 0
        sound = b""
        missing, period = least_frames, self.granted.period_frames
        plenty = missing > period  # whoever wants so much has slept meanwhile
        deadline_s = time.monotonic() + STALL_S
        while xruns < XRUNS_IN_A_ROW:
            # A card that runs is waited for first: else it would give the few samples it has, over and over.
            if self._runs and not plenty and not self._wait.until(deadline_s):
                raise self._hung()
            length, data = self._pcm.read()
            self._runs = length >= 0  # after an overrun it is prepared again, and begins with the next read
            if length > 0:
                sound += data
                missing -= length
                if missing <= 0:
                    return xruns, sound
            elif length == -errno.EPIPE:  # already prepared again; what the card held is lost
                if sound:
                    self._xruns = 1  # it lies behind these samples
                    return xruns, sound
                xruns += 1
            elif length < 0:
                raise DeviceError(self._device, f"stopped giving sound ({length})", hint="is it plugged in?")
            elif length == 0 and time.monotonic() > deadline_s:  # it says that it is ready, and is not
                raise self._hung()
            plenty = length == period < missing
        raise DeviceError(self._device, f"overran {XRUNS_IN_A_ROW} times in a row")

    def _hung(self) -> DeviceError:
        return DeviceHungError(self._device, f"gave no sound for {STALL_S:g} s", hint=STALL_HINT)

    def close(self) -> None:
        """Release the card."""
        self._pcm.close()
