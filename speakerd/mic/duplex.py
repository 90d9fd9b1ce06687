"""Hear the user while the assistant speaks: cancel the echo, and tell an interruption from what is left of it.

    near ──┬─→ canceller ─┬──────────────────→ clean frame (voice activity, uplink)
    far ───┤              ├─→ meter: does it cancel well enough?
           └─→ view ──────┴─→ detector ─ judge → BargeInSuspected, -Dismissed, -Detected
                 └──────────→ gentle filter ───→ `wake_samples`

Where it does not, speech cannot interrupt (*half duplex*; the wake word can), and `half_duplex` says why. Nothing
here runs while nothing has played for a while.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Protocol, TypeAlias

import numpy as np

from speakerd.conversation.events import BargeInDetected, BargeInDismissed, BargeInSuspected
from speakerd.dsp.aec import EchoCanceller
from speakerd.dsp.echojump import EchoJump
from speakerd.dsp.echoview import ERROR, ESTIMATE, MICROPHONE, OUT, EchoView, Spectra
from speakerd.dsp.residual import ResidualFilter, Spectrum
from speakerd.mic.echoless import Echoless
from speakerd.mic.echometer import EchoFigures, EchoMeter
from speakerd.pcm import NEAR_PERIOD_FRAMES, FarFrame, NearFrame, Samples, level_dbfs

BargeInEvent: TypeAlias = BargeInSuspected | BargeInDismissed | BargeInDetected

REST_AFTER_FRAMES = 100
"""2 s after the last far-end sound its echo is gone from any room, and the canceller rests."""

TAIL_FRAMES = 15
"""300 ms: so long a far-end sound may echo audibly."""

OFF = "the echo canceller is switched off (audio.echo_cancellation)"
WORDLESS = "it was interrupted again and again, and no words followed"
POOR = "too much of the loudspeaker's sound is left in the microphone's"
STORM = "the detector fires all the time, so what it is told about the loudspeaker must be wrong"

WARM_UP_FRAMES = 100
"""2 s of sound: so long a real echo path takes to be learnt. What is left of a first short reply may still be words."""

ALONE_FRAMES = 100
"""2 s: longer than any pause within a wake word."""

JUDGED_FRAMES = 40
"""0.8 s: after so much silence of the far end no detector looks for a voice over it."""


WORD_FRAMES = 75
"""1.5 s: what a wake word and its model's answer take."""

ANSWER_FRAMES = 30
"""0.6 s: so long after the assistant's last word a wake model may still take that for its own."""


PATH_NOTED_FRAMES = 25
"""0.5 s: how often the echo's delay is noted. A jump is looked for against the note before the last one."""

WORDLESS_LIMIT = 3
"""So many interruptions without words …"""

WORDLESS_FRAMES = 3_000
"""… in so much playback, a minute, are a nuisance, …"""

DISTRUST_FRAMES = 9_000
"""… so that for the next three minutes of playback only the wake word interrupts."""


class Detector(Protocol):
    """How much does this frame sound like someone speaking over the loudspeaker?"""

    nobody: float
    """Scores up to this mean that there is nothing but the loudspeaker."""
    somebody: float
    """Scores from here on mean that somebody more likely speaks than not."""

    def score(self, near: Samples, out: Samples, far: Samples, spectra: Spectra) -> float:
        """Of the microphone's frame, the canceller's output, the reference and the view; the judge knows the scale."""


class Judge(Protocol):
    """Makes decisions of scores; time is counted in the frames that it is fed."""

    @property
    def storm(self) -> bool:
        """True while it fires for more than half of the playback."""

    def feed(self, index: int, score: float, level_dbfs: float) -> BargeInEvent | None:
        """Take the score of near frame `index`, in which the assistant was audible."""

    def silence(self) -> BargeInEvent | None:
        """The assistant is not audible any more; what to do about a suspicion that was open."""

    def realigned(self) -> None:
        """The distance between reference and microphone has changed: scores mean little until that is learnt."""


class Duplex:
    """Fed every near frame with its reference, in order, by one thread."""

    def __init__(
        self,
        canceller: EchoCanceller | None,
        detector: Detector | None,
        judge: Judge | None,
        *,
        speech_interrupts: bool = True,
    ) -> None:
        """Without a canceller, or without detector and judge, speech cannot interrupt, whether it is to or not."""
        self._speech_interrupts = speech_interrupts
        self._canceller = canceller
        self._detector = detector
        self._judge = judge
        self._meter = EchoMeter()
        self._echoless = Echoless()
        self._view = EchoView()
        self._jump = EchoJump()
        self._delays_ms: deque[float | None] = deque(maxlen=2)
        self.jumps = 0
        """Times that the echo was found at another delay, by what had been taken for an interruption."""
        self._filter = ResidualFilter()
        self.wake_samples: Samples = np.zeros(NEAR_PERIOD_FRAMES, np.int16)
        """Of the frame processed last, where to look for wake words: with more of the user, and of the echo, left."""
        self._silent_frames = REST_AFTER_FRAMES
        self._mute_frames = ANSWER_FRAMES
        """Since the assistant was last audible."""
        self._playing = False
        self._warm_up_left = WARM_UP_FRAMES
        self._alone_frames = 0
        self._unheard_frames = WORD_FRAMES + 1
        self._played_frames = 0
        self._distrust_until = 0
        self._wordless = self._wordless_seen = 0
        self._wordless_at: deque[int] = deque(maxlen=WORDLESS_LIMIT)  # in played frames

    @property
    def alone(self) -> bool:
        """True while the detector has heard nothing but the assistant for two seconds: nobody says a wake word."""
        return self._alone_frames > ALONE_FRAMES and self._silent_frames < JUDGED_FRAMES

    @property
    def doubtful(self) -> bool:
        """True while the assistant is audible, or was just now, and the detector has heard nobody speak for 1.5 s.

        Then no wake word counts: the assistant's own voice sounds like one, with scores to 0.99 (docs/wake.md). Where
        it was not heard at all of late there is no such doubt.
        """
        judged = self._detector is not None and self._mute_frames < ANSWER_FRAMES and not self._echoless.proven
        return judged and self._unheard_frames > WORD_FRAMES

    @property
    def half_duplex(self) -> str:
        """Why speech cannot interrupt now, in words; empty if it can, or is not to."""
        if not self._speech_interrupts:
            return ""
        if self._canceller is None:
            return OFF
        if self._judge is None:
            return ""
        if self._played_frames < self._distrust_until:
            return WORDLESS
        if self._judge.storm:
            return STORM
        return POOR if self._poor else ""

    @property
    def _poor(self) -> bool:
        """Where there is no echo, what the canceller leaves is the user."""
        return self._meter.poor and not self._echoless.proven

    @property
    def resting(self) -> bool:
        """True while nothing has played for a while."""
        return self._silent_frames >= REST_AFTER_FRAMES

    def process(self, frame: NearFrame, far: FarFrame) -> tuple[NearFrame, tuple[BargeInEvent, ...]]:
        """The near frame without echo, and what was decided with it."""
        self._silent_frames = 0 if far.samples.any() else self._silent_frames + 1
        self._mute_frames = 0 if far.playing else self._mute_frames + 1
        if not far.aligned:
            self._realigned()
        if far.playing:
            self._played_frames += 1
            self._count_wordless()
        if not self._silent_frames:
            self._warm_up_left = max(0, self._warm_up_left - 1)
        if self._canceller is None or self.resting:
            self.wake_samples = frame.samples
            self._alone_frames = 0
            if self.resting:
                near_dbfs = level_dbfs(frame.samples)
                self._meter.feed(near_dbfs, near_dbfs, far_audible=False)
            return replace(frame, echo_free=self.resting), self._after_playing(far)
        out = self._canceller.process(frame.samples, far.samples)
        near_dbfs = level_dbfs(frame.samples)
        self._meter.feed(near_dbfs, level_dbfs(out), far_audible=self._silent_frames < TAIL_FRAMES)
        spectra = self._view.process(frame.samples, out, far.samples)
        near_power, heard = 10.0 ** (near_dbfs / 10.0), _power(spectra[MICROPHONE])
        left_power = near_power * _power(spectra[ERROR]) / heard if heard else near_power
        self._echoless.feed(near_power, left_power, level_dbfs(far.samples), self._meter.floor_power)
        self.wake_samples = self._filter.process(spectra[ERROR], spectra[ESTIMATE])
        if self._echoless.proven:  # what was taken away is the user, then
            self.wake_samples = out = frame.samples
            spectra[OUT] = spectra[ERROR] = spectra[MICROPHONE]
            spectra[ESTIMATE] = 0.0
        self._note_path(frame, far)
        score = self._score(frame, out, far, spectra)
        events = self._judged(frame.index, score, near_dbfs) if far.playing else self._after_playing(far)
        self._playing = far.playing
        # An earcon needs no cancelling: it is no word, and the suppressor takes more of the user than it covers.
        free = not self._poor and not self.half_duplex
        if self._mute_frames >= TAIL_FRAMES:
            return replace(frame, echo_free=free), events
        free = free and not self._warm_up_left
        return replace(frame, samples=out, echo_free=free, over_samples=self.wake_samples), events

    def no_words_followed(self) -> None:
        """The last interruption was none. Thread-safe."""
        self._wordless += 1

    def take_figures(self) -> tuple[EchoFigures, float | None]:
        """What was measured since the last call, and the echo's delay in ms."""
        return self._meter.take(), self._view.echo_delay_ms

    def _count_wordless(self) -> None:
        while self._wordless_seen < self._wordless:  # each of the two is written by one thread alone
            self._wordless_seen += 1
            self._wordless_at.append(self._played_frames)
            recent = self._played_frames - self._wordless_at[0] < WORDLESS_FRAMES
            if recent and len(self._wordless_at) == WORDLESS_LIMIT:
                self._distrust_until = self._played_frames + DISTRUST_FRAMES
                self._wordless_at.clear()

    def _note_path(self, frame: NearFrame, far: FarFrame) -> None:
        self._jump.feed(frame.samples, far.samples)
        if self._played_frames % PATH_NOTED_FRAMES == 0 and far.playing:
            self._delays_ms.append(self._view.echo_delay_ms)

    def _jumped(self) -> bool:
        known_ms = self._delays_ms[0] if self._delays_ms else None
        return known_ms is not None and self._jump.jumped(known_ms)

    def _realigned(self) -> None:
        self._learn_anew()
        self._meter.forget()
        self._echoless = Echoless()
        if self._judge is not None:
            self._judge.realigned()

    def _learn_anew(self) -> None:
        self._delays_ms.clear()
        self._warm_up_left = WARM_UP_FRAMES

    def _score(self, frame: NearFrame, out: Samples, far: FarFrame, spectra: Spectra) -> float:
        if self._detector is None:
            return 0.0
        score = self._detector.score(frame.samples, out, far.samples, spectra)
        alone = far.playing and score <= self._detector.nobody
        self._alone_frames = self._alone_frames + 1 if alone else 0
        if far.playing and not self._playing:  # the first sound of a reply sounds like a wake word, too
            self._unheard_frames = WORD_FRAMES + 1
        self._unheard_frames = self._unheard_frames + 1 if score < self._detector.somebody else 0
        return score

    def _judged(self, index: int, score: float, near_dbfs: float) -> tuple[BargeInEvent, ...]:
        if self._judge is None:
            return ()
        event = self._judge.feed(index, score, near_dbfs)
        if isinstance(event, BargeInDetected) and self._jumped():
            self.jumps += 1
            self._learn_anew()  # what meter and judge have seen counts: an echo that jumps all the time is a poor one
            return (BargeInDismissed(),)
        if event is None or not self.half_duplex:
            return () if event is None else (event,)
        # What was suspected before does not interrupt any more, but its duck must end.
        return () if isinstance(event, BargeInSuspected) else (BargeInDismissed(),)

    def _after_playing(self, far: FarFrame) -> tuple[BargeInEvent, ...]:
        if not self._playing or far.playing:
            return ()
        self._playing = False
        event = self._judge.silence() if self._judge is not None else None
        return () if event is None else (event,)


def _power(spectrum: Spectrum) -> float:
    return float(np.vdot(spectrum, spectrum).real)
