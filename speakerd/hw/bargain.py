"""What to ask of a card that refused what was asked first. Pure.

alsa-lib then takes the *smallest* of all that is possible: 8 kHz, two channels, a period of some samples. Often
something else is nearer to the wish.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from speakerd.dsp.formats import FORMATS


def best_rate(wish_hz: int, rates_hz: int | tuple[int, int] | list[int]) -> int:
    """Of one rate, a range (lowest, highest) or a list, the one that loses least: a multiple, else the next higher."""
    if isinstance(rates_hz, int):
        return rates_hz
    if isinstance(rates_hz, tuple):
        return min(max(wish_hz, rates_hz[0]), rates_hz[1])
    higher = [rate for rate in sorted(rates_hz) if rate >= wish_hz]
    multiples = [rate for rate in higher if rate % wish_hz == 0]
    return next(iter(multiples or higher), max(rates_hz, default=wish_hz))


def best_channels(wish: int, channels: Iterable[int]) -> int:
    """The fewest that hold what is wished for; the most if none do."""
    known = sorted(channels)
    return next((count for count in known if count >= wish), known[-1] if known else wish)


def best_format(formats: Iterable[str]) -> str:
    """ALSA's name of the best that we understand; empty if there is none."""
    granted = set(formats)
    return next((name for name in FORMATS if name in granted), "")


def other_periods(wish_frames: int) -> Iterator[int]:
    """Sizes odd cards insist on, the nearest to the wish first: powers of two between its quarter and its fourfold."""
    powers = [1 << bits for bits in range(4, 16) if wish_frames <= 4 << bits <= 16 * wish_frames]
    yield from sorted(powers, key=lambda size: (abs(size - wish_frames), -size))


def usable_period(frames: int, wish_frames: int) -> bool:
    """False if it wakes us for next to nothing, or lets us wait too long."""
    return wish_frames <= 4 * frames and frames <= 4 * wish_frames
