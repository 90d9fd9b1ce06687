"""How one talks with it: the wake words and the rules of a conversation."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from speakerd.config.model.section import Name, Section


class BargeIn(StrEnum):
    """What may interrupt the assistant while it speaks."""

    SPEECH = "speech"
    WAKE_WORD = "wake_word"
    OFF = "off"


class Detector(StrEnum):
    """What tells the user's voice from the loudspeaker's."""

    LEARNED = "learned"
    RULE = "rule"


class WakeWord(Section):
    """One wake word."""

    model: Name
    """alexa, hey_jarvis, hey_mycroft, hey_rhasspy, okay_nabu, or a path to a .tflite or .onnx file."""
    threshold: float = Field(0.5, gt=0.0, lt=1.0)
    """Score from which it counts, 0 to 1: higher means fewer false wakes and more missed ones."""
    refractory_ms: int = Field(1_000, ge=0, le=60_000)
    """Time after a detection in which this word does not count again, ms."""
    persona: str = Field("", max_length=64)
    """Name of the persona of `wake.personas` that answers to it; empty for the assistant as `realtime` describes it."""


class Persona(Section):
    """Another assistant in the same speaker, called by a wake word of its own. What is empty is as in `realtime`."""

    name: str = Field(min_length=1, max_length=64)
    """Name of it: for the wake word's `persona`, and in `speakerd usage --by persona`."""
    voice: str = Field("", max_length=200)
    """Its voice."""
    instructions: str = Field("", max_length=50_000)
    """What it is told about its role."""
    model: str = Field("", max_length=200)
    """Its model."""
    skills: tuple[Name, ...] = Field((), max_length=100)
    """Skills, and labels of MCP servers, that it has; empty for all of them, `[none]` for not any."""


class Wake(Section):
    """Wake words."""

    words: tuple[WakeWord, ...] = Field((WakeWord(model="hey_jarvis"),), min_length=1, max_length=20)
    """Words to listen for, all at once."""
    personas: tuple[Persona, ...] = Field((), max_length=20)
    """Other assistants, for wake words of their own."""


class Conversation(Section):
    """The rules of a conversation."""

    silence_timeout_s: float = Field(8.0, gt=0.0, le=3_600.0)
    """Silence after which the speaker goes back to waiting for the wake word, seconds."""
    barge_in: BargeIn = Field(BargeIn.SPEECH, strict=False)
    """What interrupts the assistant: `speech`, `wake_word` or `off`."""
    barge_in_detector: Detector = Field(Detector.LEARNED, strict=False)
    """What hears the user over the assistant: `learned`, a small network, or `rule`, which music and noise disturb."""
    duck_db: float = Field(15.0, ge=0.0, le=40.0)
    """How much quieter the assistant becomes, dB, while it listens whether the user speaks; 0 for not at all."""
    words_timeout_s: float = Field(2.0, ge=0.5, le=10.0)
    """Pause of the assistant, seconds, when the user seems to speak; it goes on if the server hears no words."""
    preroll_ms: int = Field(500, ge=0, le=2_000)
    """Sound before the moment of the wake word's detection that is sent too, ms."""
    barge_in_preroll_ms: int = Field(300, ge=0, le=2_000)
    """Sound before the first word of an interruption that is sent too, ms."""
    echo_tail_ms: int = Field(200, ge=0, le=2_000)
    """Microphone sound that is left out after the assistant has spoken, ms: the room's echo."""
    max_turn_s: float = Field(60.0, gt=0.0, le=600.0)
    """Longest turn of the user, seconds; then the assistant answers."""
    think_timeout_s: float = Field(15.0, gt=0.0, le=600.0)
    """Longest wait for an answer, seconds."""
    max_reply_s: float = Field(180.0, gt=0.0, le=3_600.0)
    """Longest reply of the assistant, seconds."""
    max_conversation_s: float = Field(600.0, ge=10.0, le=86_400.0)
    """Longest conversation, seconds, counted from the last wake word: a television must not talk with it all night."""
