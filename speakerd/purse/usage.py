"""What a response or a transcription used, as the service counts it, and what went over the wire. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MAX_COUNT = 10**12
"""More than this of anything is no count but nonsense."""


def _clamped(count: int, most: int) -> int:
    return max(0, min(int(count), most))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens read and written. Nonsense from a server is clamped: no negative counts, no more cached than read."""

    text_in: int = 0
    audio_in: int = 0
    cached_text_in: int = 0
    """Of `text_in`, those that the service had read before."""
    cached_audio_in: int = 0
    """Of `audio_in`, those that the service had read before."""
    text_out: int = 0
    audio_out: int = 0

    def __post_init__(self) -> None:
        """Clamp."""
        for name in ("text_in", "audio_in", "text_out", "audio_out"):
            object.__setattr__(self, name, _clamped(getattr(self, name), MAX_COUNT))
        object.__setattr__(self, "cached_text_in", _clamped(self.cached_text_in, self.text_in))
        object.__setattr__(self, "cached_audio_in", _clamped(self.cached_audio_in, self.audio_in))

    def __add__(self, other: Tokens) -> Tokens:
        """The sum of both."""
        return Tokens(
            text_in=self.text_in + other.text_in,
            audio_in=self.audio_in + other.audio_in,
            cached_text_in=self.cached_text_in + other.cached_text_in,
            cached_audio_in=self.cached_audio_in + other.cached_audio_in,
            text_out=self.text_out + other.text_out,
            audio_out=self.audio_out + other.audio_out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The bill of one response, or of one transcription of the user's words."""

    model: str
    at: datetime
    """When it ended, on the user's clock, with its offset from UTC: it tells the day that pays."""
    tokens: Tokens = Tokens()
    heard_ms: int = 0
    """Sound that was transcribed, for models that are paid by the minute; else 0."""
    is_transcription: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What went over the wire."""

    ms_up: int = 0
    """Sound from the microphone that was sent."""
    bytes_up: int = 0
    """All that was sent, as messages."""
    ms_down: int = 0
    """Sound that came."""
    bytes_down: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        """The sum of both."""
        return Traffic(
            ms_up=self.ms_up + other.ms_up,
            bytes_up=self.bytes_up + other.bytes_up,
            ms_down=self.ms_down + other.ms_down,
            bytes_down=self.bytes_down + other.bytes_down,
        )

    def since(self, before: Traffic) -> Traffic:
        """What came on top of `before`; nothing where a counter began anew."""
        return Traffic(
            ms_up=max(0, self.ms_up - before.ms_up),
            bytes_up=max(0, self.bytes_up - before.bytes_up),
            ms_down=max(0, self.ms_down - before.ms_down),
            bytes_down=max(0, self.bytes_down - before.bytes_down),
        )
