"""When a flush is answered. Pure."""

from __future__ import annotations

from enum import Enum, auto

from speakerd.conversation.events import ItemHeard, PlayoutFlushed

LATEST_SILENCE_S = 0.055
"""Time in which a flush may fade; with what threads take, that is silence within 60 ms."""

STUCK_S = 0.25
"""A flush is answered after this time though the card should not move at all."""


class Verdict(Enum):
    """What to do about a flush now."""

    FADE = auto()
    """Wait: it fades, or did so and is not heard yet."""
    DROP = auto()
    """Drop what the card holds, though it clicks: it would be heard for too long."""
    ANSWER = auto()
    """It is silent."""


class Flushes:
    """Flushes asked for and not answered; the owner's lock guards it."""

    def __init__(self) -> None:
        self._count = 0
        self._asked_s = 0.0

    def __bool__(self) -> bool:
        """True while one is not answered."""
        return self._count > 0

    def ask(self, now_s: float) -> None:
        """One more."""
        if not self._count:
            self._asked_s = now_s
        self._count += 1

    def judge(self, audible_s: float, now_s: float) -> Verdict:
        """`audible_s`: time for which what was cut, and its fade, can still be heard."""
        if not audible_s:
            return Verdict.ANSWER
        late = audible_s > LATEST_SILENCE_S or now_s - self._asked_s > STUCK_S
        return Verdict.DROP if late else Verdict.FADE

    def answer(self, items: tuple[ItemHeard, ...]) -> list[PlayoutFlushed]:
        """An event for each, the first with all `items`; none is open any more."""
        answers = [PlayoutFlushed(items if number == 0 else ()) for number in range(self._count)]
        self._count = 0
        return answers
