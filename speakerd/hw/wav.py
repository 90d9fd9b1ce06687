"""Sound devices made of WAV files, at a card's pace or in virtual time."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from speakerd.dsp.formats import FORMATS, decode
from speakerd.dsp.resample import Resampler
from speakerd.errors import DeviceError
from speakerd.hw.device import SourceBlock
from speakerd.hw.silent import SilentSink
from speakerd.pcm import BYTES_PER_SAMPLE, NEAR_RATE_HZ, PERIOD_MS, Samples, ms_to_frames, to_bytes

_FORMAT_OF_BYTES = {1: "U8", 2: "S16_LE", 3: "S24_3LE", 4: "S32_LE"}


class WavSource:
    """PcmSource that reads one channel of a PCM WAV file, then stops working like an unplugged microphone."""

    def __init__(
        self,
        path: Path,
        channel: int = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises DeviceError. `clock` and `sleep` as in SilentSink; with an idle `sleep` at full speed."""
        self._path = path
        self._channel = channel
        self._sleep = sleep
        self._clock = clock
        try:
            self._file = wave.open(str(path), "rb")  # noqa: SIM115 - closed by close()
        except (OSError, EOFError, wave.Error) as error:
            raise DeviceError(str(path), f"cannot be read: {error}", hint="expected a PCM .wav file") from error
        self._closed = False
        self._form = FORMATS[_FORMAT_OF_BYTES[self._file.getsampwidth()]]
        if channel >= self._file.getnchannels():
            channels = self._file.getnchannels()
            self.close()
            raise DeviceError(str(path), f"has {channels} channels, so there is no channel {channel}")
        self._rate_hz = self._file.getframerate()
        self._resampler = Resampler(self._rate_hz, NEAR_RATE_HZ)
        self._began_s = clock()
        self._read_frames = 0

    @property
    def kept_ms(self) -> int:
        """All of it: an hour stands for that."""
        return 3_600_000

    def read(self, least_frames: int = 1) -> SourceBlock:
        """As much of the file, or 20 ms, not before a microphone would have heard them."""
        if self._closed:
            raise DeviceError(str(self._path), "is closed")
        try:
            data = self._file.readframes(
                max(ms_to_frames(PERIOD_MS, self._rate_hz), -(-least_frames * self._rate_hz // NEAR_RATE_HZ))
            )
        except OSError as error:
            raise DeviceError(str(self._path), f"cannot be read: {error}") from error
        samples = decode(data, self._form, self._file.getnchannels(), self._channel)
        if not samples.size:
            rest = self._resampler.flush()
            if not rest.size:
                raise DeviceError(str(self._path), "has come to its end")
            return SourceBlock(rest)
        self._read_frames += samples.size
        early_s = self._began_s + self._read_frames / self._rate_hz - self._clock()
        if early_s > 0:
            self._sleep(early_s)
        return SourceBlock(self._resampler.push(samples))

    def close(self) -> None:
        """Close the file."""
        self._closed = True
        self._file.close()


class WavSink(SilentSink):
    """PcmSink that writes what sounded: neither what was dropped nor what was still queued at the end."""

    def __init__(
        self,
        path: Path,
        rate_hz: int,
        buffer_ms: int = 80,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises DeviceError if `path` cannot be written."""
        super().__init__(rate_hz, buffer_ms, clock, sleep)
        try:
            self._raw = path.open("wb")
        except OSError as error:
            raise DeviceError(str(path), f"cannot be written: {error}") from error
        self._file = wave.open(self._raw, "wb")  # noqa: SIM115 - closed by close()
        self._file.setnchannels(1)
        self._file.setsampwidth(BYTES_PER_SAMPLE)
        self._file.setframerate(rate_hz)
        self._queued: Samples = np.zeros(0, np.int16)
        self._closed = False

    def write(self, samples: Samples) -> int:
        """Queue `samples`; those that sounded meanwhile go to the file."""
        xruns = super().write(samples)
        self._queued = np.concatenate([self._queued, samples])
        self._keep_sounded()
        return xruns

    def drop(self) -> int:
        """Forget what is queued."""
        self._keep_sounded()
        self._queued = self._queued[:0]
        return super().drop()

    def close(self) -> None:
        """Silence, and finish the file."""
        if not self._closed:
            self.drop()
            self._file.close()
            self._raw.close()
            self._closed = True

    def _keep_sounded(self) -> None:
        sounded = self._queued.size - self.queued_frames()
        if sounded > 0:
            self._file.writeframes(to_bytes(self._queued[:sounded]))
            self._queued = self._queued[sounded:]
