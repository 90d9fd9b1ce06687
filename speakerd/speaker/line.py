"""All of the way out that depends on the card's rate, as one thing. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from speakerd.conversation.events import REPLY, FellSilent, Sounded
from speakerd.pcm import Samples
from speakerd.speaker.downlink import Chunk, Downlink
from speakerd.speaker.playout import DEFAULT_BOUND_S, Playout
from speakerd.speaker.ramp import raised_cosine

_MOST_EARCONS = 4
_EARCON_GAP_S = 0.06
"""Between two earcons: over each other neither would be understood."""


@dataclass(slots=True, eq=False)
class _Jingle:
    """An earcon under way; its place is fixed on the card's timeline, so a drop rewinds it too."""

    name: str
    samples: Samples
    start: int


class Line:
    """Deltas and earcons in, periods for the card out. The playback thread's lock guards it."""

    def __init__(
        self,
        rate_hz: int,
        earcons: Mapping[str, Samples],
        prefill_ms: int,
        volume_percent: int,
        bound_s: float = DEFAULT_BOUND_S,
    ) -> None:
        """`earcons`: int16 mono at `rate_hz`, empty for no sound. `bound_s`: most speech that may wait."""
        self.rate_hz = rate_hz
        self.playout = Playout(rate_hz, prefill_ms, bound_s=bound_s)
        self._downlink = Downlink(rate_hz)
        self._earcons = earcons
        self._jingles: list[_Jingle] = []
        self._marks: list[tuple[str, int]] = []
        """What began to sound, or "" for silence, and at which position on the card's timeline; not told yet."""
        self.volume_percent = volume_percent
        self._gain = self._target_gain
        self.speech_gain = 1.0
        """Where the gain of speech, not of earcons, is to be; it gets there within a period, or at once in silence."""
        self._speech_gain = 1.0

    def use(self, earcons: Mapping[str, Samples], bound_s: float) -> None:
        """Other earcons and another bound from now on, as in `__init__`."""
        self._earcons = earcons
        self.playout.bound_frames = round(bound_s * self.rate_hz)

    @property
    def volume_percent(self) -> int:
        """Volume, 0 to 100. Loudness follows the ear: half the figure is a quarter of the amplitude."""
        return round(100 * math.sqrt(self._target_gain))

    @volume_percent.setter
    def volume_percent(self, percent: int) -> None:
        self._target_gain = (min(max(percent, 0), 100) / 100) ** 2

    @property
    def idle(self) -> bool:
        """True while the card would get nothing but silence."""
        return not (self.playout.playing or self.playout.waiting_frames or self._jingles)

    def push(self, item_id: str, pcm: bytes) -> bool:
        """Append a delta (24 kHz int16 bytes); False if it was refused, see `Playout.push`."""
        return self._push(self._downlink.push(item_id, pcm))

    def end_response(self) -> None:
        """Nothing more is to come for now; see `Playout.end_response`."""
        self._push(self._downlink.end())
        self.playout.end_response()

    def cut(self) -> None:
        """Throw away what waits, save for earcons, see `Playout.cut`; what comes next has its full level."""
        self._downlink.discard()
        self.playout.cut()
        self.speech_gain = 1.0

    def play_earcon(self, name: str) -> None:
        """Begin `name` with the next period, or after those that sound. KeyError if there is none of that name."""
        samples = self._earcons[name]
        if samples.size and len(self._jingles) < _MOST_EARCONS:
            self._jingles.append(_Jingle(name, samples, self._earliest(self._jingles)))

    def next_period(self, frames: int) -> tuple[Samples, str]:
        """Exactly `frames` for the card, volume applied, and the item that begins in it after silence, or ""."""
        position = self.playout.written
        samples, started = self.playout.pull(frames)
        self._mark(position, frames, replies=bool(started))
        speech_gain, gain = self._next_gains(samples, after_silence=bool(started) or self.playout.rises)
        full = speech_gain == self._speech_gain == gain == self._gain == 1.0
        if self._jingles or (samples.any() and not full):
            mix = samples * raised_cosine(frames, speech_gain, self._speech_gain)
            for jingle in self._jingles:
                late = max(0, jingle.start - position)
                part = jingle.samples[max(0, position - jingle.start) :][: max(0, frames - late)]
                mix[late : late + part.size] += part
            mix *= np.linspace(gain, self._gain, frames, dtype=np.float32)
            samples = np.clip(np.rint(mix), -32768, 32767).astype(np.int16)
            # Kept for a second longer than it lasts, in case a drop rewinds it.
            self._jingles = [j for j in self._jingles if position - j.start < j.samples.size + self.rate_hz]
        return samples, started

    def _mark(self, position: int, frames: int, *, replies: bool) -> None:
        """Remember what the period of `frames` at `position` brings."""
        if replies:
            self._marks.append((REPLY, position))
        if self.playout.falls:
            self._marks.append(("", self.playout.silent_at))
        self._marks += [(j.name, j.start) for j in self._jingles if position <= j.start < position + frames]

    def _next_gains(self, samples: Samples, *, after_silence: bool) -> tuple[float, float]:
        """The gains of speech and of all with which this period begins; where they end is kept."""
        if after_silence or not samples.any():
            self._speech_gain = self.speech_gain
        gains = self._speech_gain, self._gain
        if not self.playout.falls:  # one change at a time: together they could click
            self._speech_gain, self._gain = self.speech_gain, self._target_gain
        return gains

    def take_times(self, queued_frames: int, now_s: float) -> list[Sounded | FellSilent]:
        """When what began or ended since the last call is heard, with `queued_frames` in the card now."""
        heard = self.playout.written - queued_frames
        marks, self._marks = self._marks, []
        times = ((what, now_s + (position - heard) / self.rate_hz) for what, position in marks)
        return [Sounded(what, at_s) if what else FellSilent(at_s) for what, at_s in times]

    def drop(self, queued_frames: int) -> None:
        """The card was silenced with `queued_frames` in it; an earcon goes on where it was cut off."""
        self.playout.drop(queued_frames)
        self._marks.append(("", self.playout.written))
        for number, jingle in enumerate(self._jingles):
            jingle.start = min(jingle.start, self._earliest(self._jingles[:number]))

    def _earliest(self, before: list[_Jingle]) -> int:
        """Where an earcon may begin behind these."""
        gap = round(_EARCON_GAP_S * self.rate_hz)
        return max([self.playout.written, *(jingle.start + jingle.samples.size + gap for jingle in before)])

    def _push(self, chunks: list[Chunk]) -> bool:
        fitted = True
        for chunk in chunks:
            fitted &= self.playout.push(chunk.item_id, chunk.samples, chunk.wire_frames)
        return fitted
