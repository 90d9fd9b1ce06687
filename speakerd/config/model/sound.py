"""What sounds, and where: the cards, the short sounds, the notices."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from speakerd.config.model.section import Name, Section


class Audio(Section):
    """Sound cards."""

    capture_device: Name = "default"
    """ALSA name of the microphone, or of the socket it is in, as `speakerd devices` prints it."""
    playback_device: Name = "default"
    """ALSA name of the loudspeaker, or of the socket it is in, as `speakerd devices` prints it."""
    capture_rate_hz: int = Field(16_000, ge=8_000, le=192_000)
    """Rate asked of the microphone, Hz; what the card grants instead is converted."""
    playback_rate_hz: int = Field(48_000, ge=8_000, le=192_000)
    """Rate asked of the loudspeaker, Hz; what the card grants instead is converted to."""
    capture_channel: int = Field(0, ge=0, le=31)
    """Channel of the microphone to listen to, counted from 0; others that the card has are left out."""
    playback_buffer_ms: int = Field(80, ge=40, le=500)
    """Sound that the card may hold, ms: more survives a busier machine, less reacts faster."""
    volume_percent: int = Field(100, ge=0, le=100)
    """Volume of the assistant's voice, percent."""
    echo_cancellation: bool = True
    """Take the loudspeaker's sound out of the microphone's. Off: speech never interrupts the assistant."""


class Sounds(Section):
    """Earcons: short sounds that tell what the speaker does. Each: `default`, `none`, or a path to a .wav file."""

    wake: Name = "default"
    """Played when the wake word was heard."""
    goodbye: Name = "default"
    """Played when the conversation is over."""
    error: Name = "default"
    """Played when something went wrong."""
    mute: Name = "default"
    """Played when the microphone is shut off (`speakerd ctl mute`), and when the wake word is said to it then."""
    unmute: Name = "default"
    """Played when the microphone is on again."""
    level_dbfs: float = Field(-20.0, ge=-60.0, le=0.0)
    """Peak level of the default sounds, dBFS."""
    notices: bool = True
    """Say aloud what went wrong, once the conversation is over; needs the program flite."""
    language: Literal["en", "de", "fr", "es", "it", "nl"] = "en"
    """Language of these notices; all but English need the program espeak-ng. The assistant answers in yours anyway."""
    notice_pause_s: float = Field(60.0, ge=0.0, le=86_400.0)
    """Time in which the same notice is not said again, seconds."""
