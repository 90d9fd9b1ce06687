"""When do scores make an interruption? A suspicion first, which makes the loudspeaker quieter; then yes or no. Pure.

        ┌───────── confirmed ──────────→ BargeInDetected
    resting ── suspected ──→ BargeInSuspected ─┬─ confirmed ──→ BargeInDetected
        ↑                     (quieter now)    └─ not in time → BargeInDismissed

Quieter, the echo no longer covers a quiet user, and what was only echo goes with it. Time is counted in the
frames that are fed, 20 ms each. All numbers were chosen on tuning data (docs/bargein.md).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from speakerd.conversation.events import BargeInDetected, BargeInDismissed, BargeInSuspected


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a judge reads the scores of one kind of detector."""

    quick: float
    """Weight of the newest score in the quick mean, which suspects."""
    steady: float
    """The same in the steady mean, which confirms."""
    suspect: float
    """The quick mean that makes a suspicion."""
    confirm: float
    """The steady mean that confirms a suspicion."""
    certain: float
    """The steady mean that confirms without one."""
    onset: float
    """The quick mean from which on the words are thought to have begun."""
    lead_frames: int
    """Words begin about so long before that."""
    floor: float
    """The lowest score: where the means start."""


LEARNED = Tuning(quick=0.6, steady=0.25, suspect=0.0, confirm=1.0, certain=3.0, onset=-1.0, lead_frames=4, floor=-6.0)
"""For `doubletalk.DoubleTalk`, whose scores are log-odds within ±6."""

RULE = Tuning(quick=1.0, steady=1.0, suspect=0.6, confirm=0.83, certain=0.83, onset=0.03, lead_frames=1, floor=0.0)
"""For `rule.Rule`, whose scores are the share of the last 300 ms that passed."""

WARM_UP_FRAMES = 100
"""2 s of playback: so long a real echo path takes to be learnt, at first and after each new alignment."""

SUSPECT_FRAMES = 40
"""0.8 s: a suspicion that is not confirmed by then is dismissed. The dip itself takes up to 0.3 s to be heard."""

REST_FRAMES = 50
"""1 s after a dismissal or an interruption without a new suspicion: no pumping."""

DIPS_PER_MINUTE = 5
"""Dips for nothing, that is; more would be a nuisance. Beyond it only what is certain interrupts."""

STORM_FRAMES = 400
"""8 s of playback: if more than half of it is suspect, the reference is broken. People interrupt it sooner."""

STORM_LEAST_FRAMES = 150
"""3 s: less tells nothing."""

_MINUTE_FRAMES = 3_000
_CALM_SHARE = 0.1  # a storm is over when less than this was suspect


class BargeInJudge:
    """Fed each frame in which the assistant is audible, by one thread."""

    def __init__(self, tuning: Tuning = LEARNED) -> None:
        self.storm = False
        """True while more than half of the playback is suspect; nothing is suspected or detected then."""
        self._tuning = tuning
        self._played_frames = 0
        self._dips: deque[int] = deque(maxlen=DIPS_PER_MINUTE)  # in played frames
        self._recent: deque[bool] = deque(maxlen=STORM_FRAMES)
        self._recent_suspect = 0
        self._warm_up_left = WARM_UP_FRAMES
        self._quick = self._steady = tuning.floor
        self._onset: int | None = None
        self._suspect_left = 0
        self._rest_left = 0
        self._spent = False
        """True after an interruption until the sound that made it has passed: one voice interrupts once."""

    def feed(
        self, index: int, score: float, level_dbfs: float
    ) -> BargeInSuspected | BargeInDismissed | BargeInDetected | None:
        """Take the score of near frame `index`."""
        self._played_frames += 1
        tuning = self._tuning
        self._quick += tuning.quick * (score - self._quick)
        self._steady += tuning.steady * (score - self._steady)
        if self._quick < tuning.onset:
            self._onset = None
        elif self._onset is None:
            self._onset = index - tuning.lead_frames
        self._watch_storm(self._quick >= tuning.suspect)
        warm = self._warm_up_left == 0
        self._warm_up_left = max(0, self._warm_up_left - 1)
        if self.storm or not warm:
            return self._dismiss() if self._suspect_left else None
        onset = index if self._onset is None else self._onset
        if self._suspect_left:
            return self._doubt(onset, level_dbfs)
        return self._listen(onset, level_dbfs)

    def silence(self) -> BargeInDismissed | None:
        """The assistant is not audible any more: an open suspicion ends."""
        dismissed = self._dismiss() if self._suspect_left else None
        self._quick = self._steady = self._tuning.floor
        self._onset = None
        self._rest_left = 0
        self._spent = False
        return dismissed

    def realigned(self) -> None:
        """The path from reference to microphone is a new one."""
        self._warm_up_left = WARM_UP_FRAMES
        self.storm = False
        self._recent.clear()
        self._recent_suspect = 0

    def _listen(self, onset: int, level_dbfs: float) -> BargeInSuspected | BargeInDetected | None:
        if self._steady >= self._tuning.certain and not self._spent:
            return self._detect(onset, level_dbfs)
        self._rest_left = max(0, self._rest_left - 1)
        if self._quick < self._tuning.suspect:
            self._spent = False
            return None
        if self._rest_left or self._spent or not self._may_dip():
            return None
        self._suspect_left = SUSPECT_FRAMES
        return BargeInSuspected(onset)

    def _doubt(self, onset: int, level_dbfs: float) -> BargeInDismissed | BargeInDetected | None:
        if self._steady >= self._tuning.confirm:
            return self._detect(onset, level_dbfs)
        self._suspect_left -= 1
        return None if self._suspect_left else self._dismiss()

    def _detect(self, onset: int, level_dbfs: float) -> BargeInDetected:
        self._suspect_left = 0
        self._rest_left = REST_FRAMES
        self._spent = True
        return BargeInDetected(onset, level_dbfs)

    def _dismiss(self) -> BargeInDismissed:
        self._suspect_left = 0
        self._rest_left = REST_FRAMES
        self._dips.append(self._played_frames)
        return BargeInDismissed()

    def _may_dip(self) -> bool:
        full = len(self._dips) == DIPS_PER_MINUTE
        return not full or self._played_frames - self._dips[0] >= _MINUTE_FRAMES

    def _watch_storm(self, suspect: bool) -> None:
        if len(self._recent) == STORM_FRAMES:
            self._recent_suspect -= self._recent[0]
        self._recent.append(suspect)
        self._recent_suspect += suspect
        share = self._recent_suspect / len(self._recent)
        if len(self._recent) >= STORM_LEAST_FRAMES and share > 0.5:
            self.storm = True
        elif share < _CALM_SHARE:
            self.storm = False
