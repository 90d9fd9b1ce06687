"""Sound cards through ALSA. The only importer of alsaaudio.

What a card grants may differ from what was asked: rate, channels and format are read back and converted.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
from dataclasses import dataclass
from typing import Any, Literal

import alsaaudio

from speakerd.dsp.formats import FORMATS, SampleFormat, decode, encode
from speakerd.dsp.resample import Resampler
from speakerd.errors import DeviceError
from speakerd.hw.device import SourceBlock
from speakerd.pcm import NEAR_RATE_HZ, PERIOD_MS, Samples, ms_to_frames

CAPTURE_PERIODS = 10
"""200 ms: what the card keeps for us while the capture thread is held up."""

_USUAL_PLAYBACK_RATE_HZ = 48_000
_KINDS = {"capture": alsaaudio.PCM_CAPTURE, "playback": alsaaudio.PCM_PLAYBACK}

_NO_LIMIT = 2**31
"""Rates from here up are granted by what is no card, such as a `null` plugin."""

_XRUNS_IN_A_ROW = 5
"""A card that reports more overruns or underruns than this at once does not work."""

_HINTS = {
    errno.ENOENT: "`speakerd devices` lists the names",
    errno.ENODEV: "is it plugged in? `speakerd devices` lists the names",
    errno.ENXIO: "is it plugged in? `speakerd devices` lists the names",
    errno.EBUSY: "another program holds it: stop that, or use a name that shares the card, such as `default`",
    errno.EACCES: "put the user into the group `audio`",
    errno.EPERM: "put the user into the group `audio`",
}


@dataclass(frozen=True, slots=True)
class Granted:
    """What a card agreed to."""

    rate_hz: int
    channels: int
    form: SampleFormat
    period_frames: int
    buffer_frames: int


def device_error(device: str, error: Exception) -> DeviceError:
    """`error` of alsaaudio as ours, with the hint that fits it."""
    text = str(error).removesuffix(f" [{device}]")
    hint = next((hint for code, hint in _HINTS.items() if os.strerror(code) == text), "`speakerd devices` shows it")
    return DeviceError(device, text, hint=hint)


@functools.cache
def hush() -> None:
    """Keep alsa-lib from writing ten lines to stderr for each failed opening: our error says it in one.

    The handler must not be Python: alsa-lib calls it with its lock held, Python would let another thread
    run that opens a card too, and both would wait for ever. `getpid` takes no arguments and does nothing.
    """
    with contextlib.suppress(OSError, AttributeError):
        nothing = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(nothing)


def open_pcm(direction: int, device: str, rate_hz: int, channels: int, buffer_periods: int) -> tuple[Any, Granted]:
    """Open `device` and agree on parameters: as asked if the card can, else as near as it goes.

    `direction` is PCM_CAPTURE or PCM_PLAYBACK. Raises DeviceError.
    """
    hush()
    formats = iter(FORMATS)
    asked = next(formats)
    while True:
        pcm, info = _try_open(direction, device, rate_hz, channels, asked, buffer_periods)
        if info["format_name"] not in FORMATS:
            # The card refused this format and chose one of its own: offer it the next one we know.
            pcm.close()
            refused, asked = info["format_name"], next(formats, "")
            if not asked:
                raise DeviceError(device, f"grants only the format {refused}", hint="try `plug:` before its name")
        elif info["rate"] != rate_hz:
            # The period was counted for another rate.
            pcm.close()
            rate_hz = info["rate"]
        else:
            form = FORMATS[info["format_name"]]
            return pcm, Granted(rate_hz, info["channels"], form, info["period_size"], info["buffer_size"])


def _try_open(
    direction: int, device: str, rate_hz: int, channels: int, format_name: str, periods: int
) -> tuple[Any, dict[str, Any]]:
    try:
        pcm = alsaaudio.PCM(
            direction, alsaaudio.PCM_NORMAL, device, rate=rate_hz, channels=channels,
            format=getattr(alsaaudio, f"PCM_FORMAT_{format_name}"),
            periodsize=ms_to_frames(PERIOD_MS, rate_hz), periods=periods,
        )  # fmt: skip
        return pcm, pcm.info()
    except alsaaudio.ALSAAudioError as error:
        raise device_error(device, error) from error


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a PCM can do."""

    rates_hz: tuple[int, ...]
    """Rates; with `rates_are_range`, the lowest and the highest."""
    rates_are_range: bool
    channels: tuple[int, ...]
    formats: tuple[str, ...]
    granted: Granted
    """What it grants when asked as we ask by default."""


def pcm_names(direction: Literal["capture", "playback"]) -> list[str]:
    """The PCMs that ALSA's configuration names."""
    return list(alsaaudio.pcms(_KINDS[direction]))


def probe(direction: Literal["capture", "playback"], device: str) -> Abilities:
    """Open `device` for a moment. Raises DeviceError."""
    rate_hz = NEAR_RATE_HZ if direction == "capture" else _USUAL_PLAYBACK_RATE_HZ
    pcm, granted = open_pcm(_KINDS[direction], device, rate_hz, 1, 4)
    try:
        rates = pcm.getrates()
        limited = not isinstance(rates, tuple) or rates[1] < _NO_LIMIT
        return Abilities(
            rates_hz=(rates,) if isinstance(rates, int) else tuple(rates),
            rates_are_range=isinstance(rates, tuple),
            # Of a PCM without limits alsaaudio would try each number of channels: minutes.
            channels=tuple(pcm.getchannels()) if limited else (granted.channels,),
            formats=tuple(pcm.getformats()),
            granted=granted,
        )
    except alsaaudio.ALSAAudioError as error:
        raise device_error(device, error) from error
    finally:
        _silence_and_close(pcm)


def _silence_and_close(pcm: Any) -> None:  # noqa: ANN401 - alsaaudio has no types
    """Drop, then release: alsaaudio would play out the rest first. May be called twice."""
    with contextlib.suppress(alsaaudio.ALSAAudioError):  # closed already, or gone: nothing to silence
        pcm.drop()
    pcm.close()


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

    def read(self) -> SourceBlock:
        """One period of the card."""
        for xruns in range(_XRUNS_IN_A_ROW):
            try:
                length, data = self._pcm.read()
            except alsaaudio.ALSAAudioError as error:
                raise device_error(self._device, error) from error
            if length == -errno.EPIPE:  # already prepared again; what the card held is lost
                continue
            if length <= 0:
                raise DeviceError(self._device, f"stopped giving sound ({length})", hint="is it plugged in?")
            samples = decode(data, self.granted.form, self.granted.channels, self._channel)
            return SourceBlock(self._resampler.push(samples), xruns)
        raise DeviceError(self._device, f"overran {_XRUNS_IN_A_ROW} times in a row")

    def close(self) -> None:
        """Release the card."""
        self._pcm.close()


class AlsaSink:
    """A loudspeaker: PcmSink over one ALSA playback PCM."""

    def __init__(self, device: str, rate_hz: int, buffer_ms: int) -> None:
        """Open the card; `rate_hz` and `buffer_ms` are wishes. Raises DeviceError."""
        self._device = device
        periods = max(2, round(buffer_ms / PERIOD_MS))
        self._pcm, self.granted = open_pcm(alsaaudio.PCM_PLAYBACK, device, rate_hz, 1, periods)
        self._frame_bytes = self.granted.form.sample_bytes * self.granted.channels
        self._empty = True

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
        xruns = 0
        while data:
            try:
                written = self._pcm.write(data)
            except alsaaudio.ALSAAudioError as error:
                raise device_error(self._device, error) from error
            if written == -errno.EPIPE:  # already prepared again; this data was not taken
                xruns += 1
                if xruns >= _XRUNS_IN_A_ROW:
                    raise DeviceError(self._device, f"ran empty {xruns} times in a row")
            elif written <= 0:
                raise DeviceError(self._device, f"stopped taking sound ({written})", hint="is it plugged in?")
            else:
                data = data[written * self._frame_bytes :]
        self._empty = False
        return xruns

    def queued_frames(self) -> int:
        """Frames in the card."""
        if self._empty and self._pcm.state() == alsaaudio.PCM_STATE_DISCONNECTED:
            raise DeviceError(self._device, os.strerror(errno.ENODEV), hint=_HINTS[errno.ENODEV])
        if self._empty:
            return 0
        avail: int = self._pcm.avail()
        if avail == -errno.EPIPE:  # ran empty; the next write finds that too, and counts it
            return 0
        if avail < 0:
            raise DeviceError(self._device, os.strerror(-avail), hint="is it plugged in?")
        return min(max(self.granted.buffer_frames - avail, 0), self.granted.buffer_frames)

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
        return queued

    def close(self) -> None:
        """Silence and release the card."""
        _silence_and_close(self._pcm)
