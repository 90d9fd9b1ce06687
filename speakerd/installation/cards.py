"""Which microphone hears which loudspeaker: all pairs are tried, the clearest is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from speakerd.doctor.chirp import Echo, Reach
from speakerd.doctor.probes.echo import reach
from speakerd.errors import DeviceError
from speakerd.hw.cards import Direction, devices, hardware

SWEEPS = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """Two names for the configuration."""

    capture: str
    playback: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a pair."""

    pair: Pair
    echo: Echo | None
    """None: nothing was heard."""
    trouble: str = ""
    """Why a card of it could not be used."""


def candidates(direction: Direction) -> list[str]:
    """Names of cards; where the kernel has none, of whatever else ALSA can open, such as a sound server."""
    named = [one.name for one in hardware() if one.direction == direction]
    return named or [one.name for one in devices(direction) if not one.error and one.name != "default"]


def _reach(pair: Pair) -> Reach:
    return reach(pair.capture, pair.playback, sweeps=SWEEPS)


def try_all(
    captures: Sequence[str], playbacks: Sequence[str], listen: Callable[[Pair], Reach] = _reach
) -> Iterator[Tried]:
    """Play on each loudspeaker, hear with each microphone, 2 s a pair. Blocks."""
    for playback in playbacks:
        for capture in captures:
            pair = Pair(capture, playback)
            try:
                yield Tried(pair, listen(pair).echo)
            except DeviceError as error:
                yield Tried(pair, None, str(error))


def clearest(tried: Sequence[Tried]) -> Tried | None:
    """The pair that was heard best; None if none was."""
    heard = [(one.echo.sweeps, one.echo.level_dbfs, one) for one in tried if one.echo is not None]
    return max(heard, key=lambda item: item[:2])[2] if heard else None
