"""Sound cards through ALSA: opening them, asking them, waiting for them.

What a card grants may differ from what was asked: rate, channels and format are read back and converted.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import re
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import alsaaudio

from speakerd.dsp.formats import FORMATS, SampleFormat
from speakerd.errors import DeviceBusyError, DeviceError
from speakerd.hw.bargain import best_channels, best_format, best_rate, other_periods, usable_period
from speakerd.hw.holders import holder
from speakerd.hw.naming import resolve
from speakerd.pcm import NEAR_RATE_HZ, PERIOD_MS, ms_to_frames

_USUAL_PLAYBACK_RATE_HZ = 48_000
_KINDS: dict[Literal["capture", "playback"], int] = {
    "capture": alsaaudio.PCM_CAPTURE,
    "playback": alsaaudio.PCM_PLAYBACK,
}

_NO_LIMIT = 2**31
"""Rates from here up are granted by what is no card, such as a `null` plugin."""

XRUNS_IN_A_ROW = 5
"""A card that reports more overruns or underruns than this at once does not work."""

STALL_S = 2.0
"""A card that gives or takes nothing for so long hangs, as some USB microphones do (pyalsaaudio, issue 70)."""

STALL_HINT = "it is opened anew; if that does not help, unplug it and plug it in again"

HINTS = {
    errno.ENOENT: "`speakerd devices` lists the names",
    errno.ENODEV: "is it plugged in? `speakerd devices` lists the names",
    errno.ENXIO: "is it plugged in? `speakerd devices` lists the names",
    errno.EBUSY: "another program has it open: stop that, or use a name that shares the card, such as `default`",
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
    text = re.sub(r" \[[^\]]*\]$", "", str(error))
    hint = next((hint for code, hint in HINTS.items() if os.strerror(code) == text), "`speakerd devices` shows it")
    kind = DeviceBusyError if text == os.strerror(errno.EBUSY) else DeviceError
    return kind(device, text, hint=hint)


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

    `direction` is PCM_CAPTURE or PCM_PLAYBACK. It never blocks: not while opening either, where another program
    holds the card. Raises DeviceError, DeviceBusyError among them with the program that holds it.
    """
    hush()
    try:
        return _agree(direction, resolve(device), _Wish(rate_hz, channels, next(iter(FORMATS))), buffer_periods)
    except alsaaudio.ALSAAudioError as error:
        raise _refusal(direction, device, error) from error


@dataclass(frozen=True, slots=True)
class _Wish:
    rate_hz: int
    channels: int
    format_name: str
    period_frames: int = 0
    """0: 20 ms."""


def _agree(direction: int, device: str, wish: _Wish, buffer_periods: int) -> tuple[Any, Granted]:
    """Ask, and ask for something nearer to the first wish as long as there is something. May raise ALSAAudioError."""
    first, tried = wish, set[_Wish]()
    periods: Iterator[int] | None = None
    while True:
        tried.add(wish)
        pcm, info = _ask(direction, device, wish, buffer_periods)
        better = _better(pcm, info, wish, first)
        whole_ms = ms_to_frames(PERIOD_MS, info["rate"])
        if better == wish and not usable_period(info["period_size"], whole_ms):
            periods = other_periods(whole_ms) if periods is None else periods
            better = replace(wish, period_frames=next(periods, 0))
        if better in tried:
            break
        pcm.close()
        wish = better
    if info["format_name"] not in FORMATS:
        pcm.close()
        raise DeviceError(device, f"grants only the format {info['format_name']}", hint="try `plug:` before its name")
    form = FORMATS[info["format_name"]]
    return pcm, Granted(info["rate"], info["channels"], form, info["period_size"], info["buffer_size"])


def _better(pcm: Any, info: dict[str, Any], wish: _Wish, first: _Wish) -> _Wish:  # noqa: ANN401 - alsaaudio has no types
    """What to ask for next; `wish` again if that was granted, or nothing is better."""
    if info["format_name"] != wish.format_name and (name := best_format(pcm.getformats())):
        wish = replace(wish, format_name=name)
    if info["channels"] < first.channels:
        # Of a PCM without limits alsaaudio would try each number of channels, for minutes: but that grants all.
        wish = replace(wish, channels=best_channels(first.channels, pcm.getchannels()))
    if info["rate"] != wish.rate_hz:
        wish = replace(wish, rate_hz=best_rate(first.rate_hz, pcm.getrates()))
    return wish


def _ask(direction: int, device: str, wish: _Wish, periods: int) -> tuple[Any, dict[str, Any]]:
    pcm = alsaaudio.PCM(
        direction, alsaaudio.PCM_NONBLOCK, device, rate=wish.rate_hz, channels=wish.channels,
        format=getattr(alsaaudio, f"PCM_FORMAT_{wish.format_name}"),
        periodsize=wish.period_frames or ms_to_frames(PERIOD_MS, wish.rate_hz), periods=periods,
    )  # fmt: skip
    return pcm, pcm.info()


def _refusal(direction: int, device: str, error: Exception) -> DeviceError:
    """Why it did not open; of a busy one, who holds it."""
    refused = device_error(device, error)
    if isinstance(refused, DeviceBusyError):
        side = next(name for name, kind in _KINDS.items() if kind == direction)
        with contextlib.suppress(DeviceError):  # unplugged since
            who = holder(resolve(device), side)
            if who is not None and who.pid != os.getpid():
                return DeviceBusyError(device, f"is held by {who}", hint=who.remedy)
    return refused


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
        silence_and_close(pcm)


def silence_and_close(pcm: Any) -> None:  # noqa: ANN401 - alsaaudio has no types
    """Drop, then release: alsaaudio would play out the rest first. May be called twice."""
    with contextlib.suppress(alsaaudio.ALSAAudioError):  # closed already, or gone: nothing to silence
        pcm.drop()
    pcm.close()


class Wait:
    """For a card that has nothing to give or no room, until it hangs."""

    def __init__(self, pcm: Any, device: str) -> None:  # noqa: ANN401 - alsaaudio has no types
        """Raises DeviceError if `device` went away since it was opened; then it is closed."""
        self._pcm = pcm
        self._poll = select.poll()
        try:
            for descriptor, events in pcm.polldescriptors():
                self._poll.register(descriptor, events)
        except alsaaudio.ALSAAudioError as error:
            silence_and_close(pcm)
            raise device_error(device, error) from error

    def until(self, deadline_s: float) -> bool:
        """False if nothing happened until then, CLOCK_MONOTONIC. May raise ALSAAudioError."""
        ready = self._poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000)
        if ready:
            self._pcm.polldescriptors_revents(ready)  # plugins reset their descriptors here
        return bool(ready)
