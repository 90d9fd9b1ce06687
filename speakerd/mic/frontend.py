"""What is heard on the microphone: wake words, speech, interruptions. One object, one method, no clock.

    near frame ─ (echo canceller: its place) ─┬─ vad ─┬─ endpoint ─→ SpeechDetected
                                              │       └─ bargein ──→ BargeInDetected (while the loudspeaker plays)
                                              └─ quiet? wake ──────→ WakeDetected

An echo canceller stands first in the chain when there is one: its output then replaces the frame for
all that follow. The thread that calls `process` is the caller's; time is `frame.index`.
"""

from __future__ import annotations

from typing import TypeAlias

from speakerd.config.model import BargeIn, Wake
from speakerd.conversation.events import BargeInDetected, SpeechDetected, WakeDetected
from speakerd.mic.bargein import BargeInDetector
from speakerd.mic.endpoint import Endpoint
from speakerd.mic.quiet import QuietRoom
from speakerd.mic.vad import Vad
from speakerd.mic.wake import WakeDetector
from speakerd.pcm import NearFrame, level_dbfs

HeardEvent: TypeAlias = WakeDetected | SpeechDetected | BargeInDetected


class FrontEnd:
    """Fed every near frame in order by one thread; not thread-safe, save `frames_scored`."""

    def __init__(self, wake: Wake, barge_in: BargeIn = BargeIn.SPEECH) -> None:
        """Load the models. Raises ConfigError for a wake model that cannot be used."""
        self._wake = WakeDetector(wake.words)
        self._vad = Vad()
        self._any_voice = Vad(0)
        self._room = QuietRoom()
        self._endpoint = Endpoint()
        self._bargein = BargeInDetector() if barge_in is BargeIn.SPEECH else None
        self._far_end_active = False

    @property
    def frames_scored(self) -> int:
        """Near frames that have passed the wake detector, its models at rest or not: proof of life. Thread-safe."""
        return self._wake.frames_scored

    @property
    def frames_to_step(self) -> int:
        """Near frames, 1 to 4, until the wake models run again."""
        return self._wake.frames_to_step

    def far_end_active(self, active: bool) -> None:
        """Tell whether the loudspeaker plays: only then is there anything to interrupt."""
        if self._bargein is not None and active != self._far_end_active:
            self._bargein.reset()
        self._far_end_active = active

    def process(self, frame: NearFrame, far_level_dbfs: float | None = None) -> tuple[HeardEvent, ...]:
        """Take the next near frame; what was heard with it, mostly nothing.

        `far_level_dbfs`: loudest 20 ms that the loudspeaker played in the last 300 ms; None if unknown.
        A gap before the frame changes nothing: a join in the sound harms the models less than forgetting.
        """
        events: list[HeardEvent] = []
        near_dbfs = level_dbfs(frame.samples)
        voiced = self._vad.is_speech(frame.samples)
        turning = self._endpoint.feed(frame.index, voiced)
        if turning is not None:
            events.append(SpeechDetected(turning.started, turning.frame_index, near_dbfs))
        if self._bargein is not None and self._far_end_active:
            interruption = self._bargein.feed(frame.index, near_dbfs, voiced, far_level_dbfs)
            if interruption is not None:
                events.append(interruption)
        quiet = self._room.feed(near_dbfs, voiced or self._any_voice.is_speech(frame.samples))
        found = self._wake.feed(frame.samples, frame.index, rest=quiet)
        events += [WakeDetected(d.word, d.score, frame.index) for d in found]
        return tuple(events)
