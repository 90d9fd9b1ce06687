"""A loudspeaker behind ALSA."""

from __future__ import annotations

import errno
import os
import time

import alsaaudio

from speakerd.dsp.formats import encode
from speakerd.errors import DeviceError, DeviceHungError
from speakerd.hw.alsa import HINTS, STALL_HINT, STALL_S, XRUNS_IN_A_ROW, Wait, device_error, open_pcm, silence_and_close
from speakerd.pcm import PERIOD_MS, Samples, ms_to_frames


class AlsaSink:
    """A loudspeaker: PcmSink over one ALSA playback PCM."""

    def __init__(self, device: str, rate_hz: int, buffer_ms: int) -> None:
        """Open the card; `rate_hz` and `buffer_ms` are wishes. Raises DeviceError."""
        self._device = device
        periods = max(2, round(buffer_ms / PERIOD_MS))
        self._pcm, self.granted = open_pcm(alsaaudio.PCM_PLAYBACK, device, rate_hz, 1, periods)
        self._frame_bytes = self.granted.form.sample_bytes * self.granted.channels
        self._empty = True
        self._hangs = False
        self._wait = Wait(self._pcm, device)
        self._queued_frames, self._moved_s = 0, 0.0
        """What the card held when it last moved, and when that was."""

    @property
    def rate_hz(self) -> int:
        """Rate that the card granted."""
        return self.granted.rate_hz

    @property
    def period_frames(self) -> int:
        """20 ms, whatever period the card works in."""
        return ms_to_frames(PERIOD_MS, self.granted.rate_hz)

    @property
    def buffer_frames(self) -> int:
        """Frames that the card granted to hold."""
        return self.granted.buffer_frames

    def write(self, samples: Samples) -> int:
        """Queue `samples`."""
        data = memoryview(encode(samples, self.granted.form, self.granted.channels))
        try:
            xruns = self._write(data)
        except alsaaudio.ALSAAudioError as error:
            raise device_error(self._device, error) from error
        self._empty = False
        return xruns

    def _write(self, data: memoryview) -> int:
        xruns = 0
        deadline_s = time.monotonic() + STALL_S
        while data:
            written = self._pcm.write(data)
            if written > 0:
                data = data[written * self._frame_bytes :]
            elif written == -errno.EPIPE:  # already prepared again; this data was not taken
                xruns += 1
                if xruns >= XRUNS_IN_A_ROW:
                    raise DeviceError(self._device, f"ran empty {xruns} times in a row")
            elif written < 0:
                raise DeviceError(self._device, f"stopped taking sound ({written})", hint="is it plugged in?")
            elif time.monotonic() > deadline_s or not self._wait.until(deadline_s):  # it may be ready, and take nothing
                raise self._stalled()
        return xruns

    def queued_frames(self) -> int:
        """Frames in the card."""
        if self._empty and self._pcm.state() == alsaaudio.PCM_STATE_DISCONNECTED:
            raise DeviceError(self._device, os.strerror(errno.ENODEV), hint=HINTS[errno.ENODEV])
        if self._empty:
            return 0
        avail: int = self._pcm.avail()
        if avail == -errno.EPIPE:  # ran empty; the next write finds that too, and counts it
            return 0
        if avail < 0:
            raise DeviceError(self._device, os.strerror(-avail), hint="is it plugged in?")
        queued = min(max(self.granted.buffer_frames - avail, 0), self.granted.buffer_frames)
        self._see_it_move(queued)
        return queued

    def _see_it_move(self, queued_frames: int) -> None:
        now_s = time.monotonic()
        if queued_frames != self._queued_frames or not queued_frames:
            self._queued_frames, self._moved_s = queued_frames, now_s
        elif now_s - self._moved_s > STALL_S:
            raise self._stalled()

    def _stalled(self) -> DeviceError:
        self._hangs = True
        return DeviceHungError(self._device, f"took no sound for {STALL_S:g} s", hint=STALL_HINT)

    def drop(self) -> int:
        """Throw away what the card holds."""
        queued = self.queued_frames()
        if self._empty:
            return 0
        try:
            self._pcm.drop()
        except alsaaudio.ALSAAudioError as error:
            raise device_error(self._device, error) from error
        self._empty = True
        self._queued_frames = 0
        return queued

    def close(self) -> None:
        """Silence and release the card."""
        if self._hangs:  # then `drop` would wait for it, and all of Python with it
            self._pcm.close()
        else:
            silence_and_close(self._pcm)
