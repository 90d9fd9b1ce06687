"""Tells what was measured: each turn's times, and sound that was lost. Owned by the loop; observes, decides nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.conversation.turnclock import Figures, Turn, TurnClock
from speakerd.logfields import fields
from speakerd.service.losses import Losses
from speakerd.service.sentences import describe_turn

log = logging.getLogger(__name__)


class Stopwatch:
    """One for the life of the daemon."""

    def __init__(self, counters: Callable[[], Mapping[str, int]]) -> None:
        """`counters` gives the totals of all that was lost, by name."""
        self._counters = counters
        self._clock = TurnClock()
        self._losses = Losses()

    def frame(self, index: int, captured_at_s: float) -> None:
        """The newest near frame, and when its last sample had come."""
        self._clock.frame(index, captured_at_s)

    def speech(self, event: ev.SpeechDetected) -> None:
        """The local voice activity changed."""
        self._clock.speech(event, time.monotonic())

    def sound(self, event: ev.Sounded | ev.FellSilent) -> None:
        """Something begins to sound, or is cut off."""
        self._clock.sound(event)

    def handle(self, event: ev.Event, before: State, after: State, now_s: float) -> Figures:
        """An event of the conversation; the figures that are to be told with it."""
        return self._clock.handle(event, before, after, now_s)

    def tell(self) -> None:
        """Write down the turns that are over."""
        for turn in self._clock.take():
            _tell(turn)

    def look(self, now_s: float) -> None:
        """Write down what was lost, if it is time to."""
        for loss in self._losses.since_told(self._counters(), now_s):
            level = logging.WARNING if loss.is_serious else logging.INFO
            log.log(level, "%s", loss.sentence, extra=fields(event=loss.kind, **loss.lost))


def _tell(turn: Turn) -> None:
    told: dict[str, float | int | str] = {**turn.figures()}
    if turn.interrupted:
        told["interrupted"] = turn.interrupted
    if turn.false_interruptions:
        told["false_interruptions"] = turn.false_interruptions
    if told:
        sentence = describe_turn(turn.number, turn.figures())
        log.info("%s", sentence, extra=fields(event="TurnMeasured", turn=turn.number, **told))
