"""Where the play is performed: the real daemon as a child process, on the virtual sound card."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from speakerd.demo.daemon import Daemon, Happening
from speakerd.demo.play import END, LINES, Cue, say
from speakerd.demo.recording import Recorder, Recording, speak
from speakerd.demo.soundcard import VirtualSoundCard
from speakerd.errors import SpeakerdError

ECHO_MS = 40
"""Delay of the loudspeaker's sound on its way to the microphone."""

CONFIG = """\
realtime:
  url: embedded
conversation:
  silence_timeout_s: 3
transcripts:
  events: true
"""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line that the user said, and when, by the microphone's recording (CLOCK_MONOTONIC seconds)."""

    words: str
    start_s: float
    end_s: float


@dataclass(slots=True)
class Performance:
    """All that was heard and noted."""

    mic: Recording
    speaker: Recording
    events: list[Happening]
    spoken: list[Spoken]
    missed: str = ""
    """The cue that never came; empty if the play went to its end."""
    exit_status: int | None = None
    """Of the daemon, after SIGTERM."""
    repeated: bool = False
    """A line had to be said twice; `spoken` has the second time."""


def perform(
    folder: Path,
    tell: Callable[[float, str, str], None],
    tell_event: Callable[[Happening], None],
    echo_db: float | None = None,
) -> Performance:
    """Play it. `tell(time, who, words)` and `tell_event` are called as things happen.

    With `echo_db` the microphone hears the loudspeaker, that much louder (less than 0).
    """
    with VirtualSoundCard(folder / "card") as card:
        if echo_db is not None:
            card.loop(ECHO_MS, echo_db)
        mic, speaker = Recorder(card, "mic"), Recorder(card, "speaker")
        mic.start()
        speaker.start()
        daemon = Daemon(card, folder, CONFIG)
        daemon.start()
        said: list[tuple[str, float, float]] = []
        missed, repeated = "", False
        try:
            for line in LINES:
                _await(line.cue, tell_event, daemon)
                said.append(_speak(card, line.words, tell))
                if line.effect and not _comes(line.effect, tell_event, daemon):
                    said[-1], repeated = _speak(card, line.words, tell), True
            _await(END, tell_event, daemon)
        except _MissedCueError as error:
            missed = str(error)
        finally:
            status = daemon.stop()
            heard, sounded = mic.stop(), speaker.stop()
    for event in daemon.new():
        tell_event(event)
    spoken = [_place(heard, *line) for line in said]
    return Performance(heard, sounded, daemon.events, spoken, missed, status, repeated)


class _MissedCueError(SpeakerdError):
    """Something that the play waits for did not happen."""


def _comes(cue: Cue, tell_event: Callable[[Happening], None], daemon: Daemon) -> bool:
    with contextlib.suppress(_MissedCueError):
        _await(cue, tell_event, daemon)
        return True
    return False


def _await(cue: Cue, tell_event: Callable[[Happening], None], daemon: Daemon) -> None:
    until_s = time.monotonic() + cue.within_s
    due_s: float | None = None
    while due_s is None or time.monotonic() < due_s:
        for event in daemon.new():
            tell_event(event)
            if due_s is None and cue.is_due(event):
                due_s = event["t"] + cue.after_s
        if due_s is None and time.monotonic() > until_s:
            raise _MissedCueError(f"waited {cue.within_s:.0f} s for {cue.what}")
        if daemon.exit_status is not None:
            raise _MissedCueError(f"the daemon ended (status {daemon.exit_status}) while waiting for {cue.what}")
        time.sleep(0.02)


def _speak(card: VirtualSoundCard, words: str, tell: Callable[[float, str, str], None]) -> tuple[str, float, float]:
    samples, rate_hz = say(words)
    tell(time.monotonic(), "user", words)
    speak(card, samples, rate_hz)
    return words, time.monotonic(), samples.size / rate_hz


def _place(mic: Recording, words: str, about_s: float, seconds: float) -> Spoken:
    """When the words really were at the microphone: the first sound in the recording after they were sent."""
    start_s = next(iter(sounds(mic, about_s, about_s + seconds + 1.0)), (about_s, 0.0))[0]
    return Spoken(words, start_s, start_s + seconds)


def sounds(recording: Recording, from_s: float, until_s: float, threshold: int = 150) -> Iterator[tuple[float, float]]:
    """Stretches (start, end) above `threshold`, merged over pauses of less than 300 ms."""
    block = recording.rate_hz // 100
    first = recording.index_at(from_s)
    piece = recording.between(from_s, until_s)
    blocks = abs(piece[: piece.size // block * block].astype(int)).reshape(-1, block).max(axis=1) > threshold
    start = end = -1
    for number, loud in enumerate(blocks):
        if not loud:
            continue
        if start >= 0 and number - end > 30:
            yield recording.time_of(first + start * block), recording.time_of(first + (end + 1) * block)
            start = number
        elif start < 0:
            start = number
        end = number
    if start >= 0:
        yield recording.time_of(first + start * block), recording.time_of(first + (end + 1) * block)
