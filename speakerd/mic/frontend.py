"""What is heard on the microphone: wake words, speech, interruptions. One object, one method, no clock.

    near frame ─┐          ┌─ clean frame ─── vad ─── endpoint ─→ SpeechDetected
    far frame ──┴─ duplex ─┼─ what is best for it ─── wake ─────→ WakeDetected
                           └─ while the assistant is audible ───→ BargeInSuspected, -Dismissed, -Detected

The thread that calls `process` is the caller's; time is `frame.index`.
"""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

from speakerd.config.model import Wake
from speakerd.conversation.events import (
    DuplexChanged,
    EchoMeasured,
    SpeechDetected,
    WakeDetected,
)
from speakerd.mic.duplex import BargeInEvent, Duplex
from speakerd.mic.endpoint import Endpoint
from speakerd.mic.quiet import QuietRoom
from speakerd.mic.vad import Vad
from speakerd.mic.wake import WakeDetector
from speakerd.pcm import FarFrame, NearFrame, level_dbfs

HeardEvent: TypeAlias = WakeDetected | SpeechDetected | BargeInEvent | DuplexChanged

_KEPT_VOICE_FRAMES = 1_000


class FrontEnd:
    """Fed every near frame in order by one thread; not thread-safe, save `frames_scored`."""

    def __init__(self, wake: Wake, duplex: Duplex) -> None:
        """Load the wake models. Raises ConfigError for one that cannot be used."""
        self._duplex = duplex
        self._wake = WakeDetector(wake.words)
        self._vad = Vad()
        self._any_voice = Vad(0)
        self._room = QuietRoom()
        self._endpoint = Endpoint()
        self._half_duplex = ""
        """What was told last."""
        self._scored_before = self._jumps_before = 0
        """Of those that this one took the place of."""
        self._voice_dbfs: deque[float] = deque(maxlen=_KEPT_VOICE_FRAMES)

    def succeed(self, old: FrontEnd) -> None:
        """Take the place of another: totals go on, and what it told is known; speech that began will end."""
        self._scored_before, self._jumps_before = old.frames_scored, old.echo_jumps
        self._half_duplex, self._endpoint = old._half_duplex, old._endpoint

    @property
    def frames_scored(self) -> int:
        """Near frames that have passed the wake detector, its models at rest or not: proof of life. Thread-safe."""
        return self._scored_before + self._wake.frames_scored

    @property
    def echo_jumps(self) -> int:
        """Times that the echo was found to come at another delay, by what had been taken for an interruption."""
        return self._jumps_before + self._duplex.jumps

    @property
    def frames_to_step(self) -> int:
        """Near frames, 1 to 4, until the wake models run again."""
        return self._wake.frames_to_step

    def process(self, frame: NearFrame, far: FarFrame) -> tuple[NearFrame, tuple[HeardEvent, ...]]:
        """Take the next near frame; it without the loudspeaker's echo, and what was heard with it, mostly nothing.

        A gap before the frame changes nothing: a join in the sound harms the models less than forgetting.
        """
        clean, interruptions = self._duplex.process(frame, far)
        events: list[HeardEvent] = [*interruptions]
        near_dbfs = level_dbfs(clean.samples)
        voiced = self._vad.is_speech(clean.samples)
        if voiced and not far.playing:
            self._voice_dbfs.append(near_dbfs)
        turning = self._endpoint.feed(clean.index, voiced)
        if turning is not None:
            events.append(SpeechDetected(turning.started, turning.frame_index, near_dbfs))
        quiet = self._room.feed(near_dbfs, voiced or self._any_voice.is_speech(clean.samples))
        # The canceller's output is quiet also where it takes a user at a distance for echo.
        rest = self._duplex.alone or (quiet and self._duplex.resting)
        found = self._wake.feed(self._duplex.wake_samples, clean.index, rest=rest, doubt=self._duplex.doubtful)
        events += [WakeDetected(d.word, d.score, clean.index) for d in found]
        if self._duplex.half_duplex != self._half_duplex:
            self._half_duplex = self._duplex.half_duplex
            events.append(DuplexChanged(self._half_duplex))
        return clean, tuple(events)

    def no_words_followed(self) -> None:
        """The assistant was interrupted and no words followed. Thread-safe."""
        self._duplex.no_words_followed()

    def take_figures(self) -> EchoMeasured:
        """What was measured since the last call: a conversation's figures."""
        echo, delay_ms = self._duplex.take_figures()
        voice = sorted(self._voice_dbfs)
        self._voice_dbfs.clear()
        near_dbfs = voice[len(voice) // 2] if voice else None
        return EchoMeasured(echo.erle_db, echo.echo_dbfs, delay_ms, near_dbfs)
