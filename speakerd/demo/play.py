"""The play of the demonstration: who says what, and what must have happened before. Reads like a script."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from speakerd.demo.daemon import Happening
from speakerd.errors import SpeakerdError
from speakerd.pcm import Samples, from_bytes

USER_VOICE = "rms"
"""flite's voice for the user; the assistant speaks with another one."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Waits until `is_due` is true of an event, then `after_s` more seconds."""

    is_due: Callable[[Happening], bool]
    what: str
    """In words, for the message when it never comes."""
    within_s: float
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """What the user says, and on which cue."""

    cue: Cue
    words: str
    effect: Cue | None = None
    """What the words are to bring about; where it does not come, they are said once more, as people do."""


def _state(name: str) -> Callable[[Happening], bool]:
    return lambda event: event["event"] == "StateChanged" and event["state"] == name


def _event(name: str) -> Callable[[Happening], bool]:
    return lambda event: event["event"] == name


def _reply_over(event: Happening) -> bool:
    return _state("LISTENING")(event) and event.get("from") == "SPEAKING"


LINES = (
    Line(Cue(_event("Ready"), "the daemon to be ready", 20, 0.5), "Hey Jarvis, what time is it?"),
    Line(Cue(_reply_over, "the answer to end", 20, 0.7), "Tell me a long story."),
    Line(
        Cue(_state("SPEAKING"), "the story to begin", 20, 4.0),
        "Thank you, that is enough.",
        effect=Cue(_state("INTERRUPTED"), "the story to stop", 4),
    ),
)
END = Cue(_state("IDLE"), "the daemon to be idle again", 40, 1.0)


def say(words: str) -> tuple[Samples, int]:
    """The words as int16 mono, and their rate in Hz. Raises SpeakerdError without flite."""
    program = shutil.which("flite")
    if program is None:
        raise SpeakerdError("the demonstration has no voice: flite is not installed", hint="apt install flite")
    done = subprocess.run(
        [program, "-voice", USER_VOICE, "-t", words, "-o", "/dev/stdout"], capture_output=True, check=True, timeout=20
    )
    with wave.open(io.BytesIO(done.stdout)) as sound:
        samples, rate_hz = from_bytes(sound.readframes(sound.getnframes())), sound.getframerate()
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 200)
    return samples[loud[0] : loud[-1] + 1], rate_hz
