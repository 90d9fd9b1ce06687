"""The loudspeaker's volume: by the card's own mixer where it has one, else by ours.

A mixer changes the echo that the microphone hears just as turning a knob would; the echo canceller follows.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import alsaaudio

from speakerd.errors import DeviceError
from speakerd.hw.alsa import device_error, hush
from speakerd.hw.device import MixerControl
from speakerd.hw.naming import resolve

T = TypeVar("T")

_CONTROLS = ("Master", "PCM", "Speaker", "Headphone", "Digital", "Playback", "Line Out", "Lineout", "DAC")
"""Names of controls that make all of the loudspeaker louder, the likeliest first."""

_CARD = re.compile(r"(?:^|[:,])CARD=([^,]+)")
_HARDWARE = re.compile(r"(?:plug)?hw:([^,]+)")


class Volume(Protocol):
    """The loudspeaker's volume. Thread-safe; may block for the time of a call to ALSA, and raise DeviceError."""

    def volume_percent(self) -> int:
        """0 to 100."""

    def set_volume_percent(self, percent: int) -> None:
        """0 to 100."""

    def is_muted(self) -> bool:
        """True while the loudspeaker is silent whatever its volume."""

    def set_muted(self, muted: bool) -> None:
        """Silence the loudspeaker, or let it sound again."""


def loudspeaker_volume(playback_device: str, own: Volume) -> Volume:
    """The mixer of the card behind `playback_device`; if it has none, our `own` volume."""
    device = mixer_device(playback_device)
    control = find_control(device)
    if not control:
        return own
    mixer = AlsaMixer(device, control)
    return mixer if mixer.has_switch() else SoftwareVolume(mixer.volume_percent, mixer.set_volume_percent)


def mixer_device(playback_device: str) -> str:
    """The mixer that belongs to a PCM: `hw:CARD=Device,DEV=0` → `hw:Device`, `plughw:1,0` → `hw:1`, `default` → itself.

    A PCM of another name, such as one in the user's asoundrc, may have a mixer of the same name.
    """
    with contextlib.suppress(DeviceError):  # nothing is plugged in there: there is no mixer either
        playback_device = resolve(playback_device)
    if (card := _CARD.search(playback_device)) or (card := _HARDWARE.fullmatch(playback_device.split(",")[0])):
        return f"hw:{card[1]}"
    return playback_device


def find_control(device: str) -> str:
    """The control of `device` that makes the loudspeaker louder; empty if there is none, or no such mixer."""
    hush()
    try:
        names: list[str] = list(dict.fromkeys(alsaaudio.mixers(device=device)))
    except alsaaudio.ALSAAudioError:
        return ""
    for name in sorted(names, key=lambda name: _CONTROLS.index(name) if name in _CONTROLS else len(_CONTROLS)):
        try:
            mixer = alsaaudio.Mixer(control=name, device=device)
        except alsaaudio.ALSAAudioError:  # several of this name, or gone
            continue
        try:
            if "Playback Volume" in mixer.volumecap():
                return name
        finally:
            mixer.close()
    return ""


def controls(device: str) -> list[MixerControl]:
    """What all controls of `device`, a PCM or a mixer, are set to; none if it has no mixer."""
    hush()
    device = mixer_device(device)
    found = []
    with contextlib.suppress(alsaaudio.ALSAAudioError):  # no mixer
        for name in dict.fromkeys(alsaaudio.mixers(device=device)):
            with contextlib.suppress(alsaaudio.ALSAAudioError):  # gone, or of a kind that has no levels
                mixer = alsaaudio.Mixer(control=name, device=device)
                try:
                    found.append(_setting(name, mixer))
                finally:
                    mixer.close()
    return found


def _setting(name: str, mixer: Any) -> MixerControl:  # noqa: ANN401 - alsaaudio has no types
    volumes, switches = mixer.volumecap(), mixer.switchcap()
    joint = "Volume" in volumes and "Capture Volume" not in volumes
    played = mixer.getvolume(alsaaudio.PCM_PLAYBACK) if "Playback Volume" in volumes or joint else []
    captured = mixer.getvolume(alsaaudio.PCM_CAPTURE) if "Capture Volume" in volumes else []
    return MixerControl(
        name,
        max(played, default=None),
        not any(mixer.getmute()) if any("Playback Mute" in ability for ability in switches) else None,
        max(captured, default=None),
        any(mixer.getrec()) if any("Capture Mute" in ability for ability in switches) else None,
    )


class AlsaMixer:
    """One control of one card. Opened for each call: it sees what others change, and outlives an unplugged card."""

    def __init__(self, device: str, control: str) -> None:
        """`device` as a PCM or as `alsamixer` names it, `control` as `alsamixer` does."""
        self._device = device
        self._control = control

    def has_switch(self) -> bool:
        """Whether it can be muted; if not, `is_muted` and `set_muted` raise DeviceError."""
        return self._ask(_has_switch)

    def volume_percent(self) -> int:
        """The louder of its channels; 0 if it has none any more."""
        return self._ask(lambda mixer: int(max(mixer.getvolume(alsaaudio.PCM_PLAYBACK), default=0)))

    def set_volume_percent(self, percent: int) -> None:
        """All channels."""
        self._ask(lambda mixer: mixer.setvolume(percent, alsaaudio.MIXER_CHANNEL_ALL, alsaaudio.PCM_PLAYBACK))

    def is_muted(self) -> bool:
        """True if it is muted on any channel; another card of this name may have no switch."""
        return self._ask(lambda mixer: _has_switch(mixer) and any(mixer.getmute()))

    def set_muted(self, muted: bool) -> None:
        """All channels."""
        self._ask(lambda mixer: mixer.setmute(int(muted)))

    def _ask(self, what: Callable[[Any], T]) -> T:
        hush()
        try:
            mixer = alsaaudio.Mixer(control=self._control, device=mixer_device(self._device))
            try:
                return what(mixer)
            finally:
                mixer.close()
        except alsaaudio.ALSAAudioError as error:
            raise device_error(self._device, error) from error


def _has_switch(mixer: Any) -> bool:  # noqa: ANN401 - alsaaudio has no types
    return any("Playback Mute" in ability for ability in mixer.switchcap())


class SoftwareVolume:
    """The volume of our own samples, for cards without a mixer. Mute is volume 0, and remembers what it was."""

    def __init__(self, get_percent: Callable[[], int], set_percent: Callable[[int], None]) -> None:
        """Both thread-safe."""
        self._get = get_percent
        self._set = set_percent
        self._lock = threading.Lock()
        self._before: int | None = None
        """What to go back to; None while not muted."""

    def volume_percent(self) -> int:
        """While muted, what it will be afterwards."""
        with self._lock:
            return self._get() if self._before is None else self._before

    def set_volume_percent(self, percent: int) -> None:
        """While muted it takes effect afterwards."""
        with self._lock:
            if self._before is None:
                self._set(percent)
            else:
                self._before = percent

    def is_muted(self) -> bool:
        """Whether it was muted by this."""
        return self._before is not None

    def set_muted(self, muted: bool) -> None:
        """Silence, or back to what it was."""
        with self._lock:
            if muted and self._before is None:
                before = self._get()
                self._set(0)
                self._before = before  # not if that failed
            elif not muted and self._before is not None:
                self._set(self._before)
                self._before = None
