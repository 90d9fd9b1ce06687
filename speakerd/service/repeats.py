"""How often the same thing is told. Pure: the time is passed in, CLOCK_MONOTONIC seconds.

The same fault is told three times in ten minutes, and then once whenever that leaves room, with the number of those
left out. What changes a condition (a device fails, it works again) is told more often, and its last change always: as
soon as it has been calm for a while.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

KEPT_CASES = 200
"""Of different things; the one that was quiet for longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How often is often enough."""

    limit: int
    """Times in a window that something is told."""
    window_s: float
    calm_s: float = math.inf
    """When it has been left out, and nothing came for so long, it is told if it is not what was told last."""


FAULT = Rule(limit=3, window_s=600.0)
CONDITION = Rule(limit=6, window_s=60.0, calm_s=5.0)


@dataclass(slots=True)
class _Case(Generic[T]):
    rule: Rule
    told_s: deque[float] = field(default_factory=deque)
    told_value: str = ""
    held: list[T] = field(default_factory=list)
    """The newest that was left out, if any was."""
    held_value: str = ""
    held_s: float = 0.0
    left_out: int = 0

    def has_room(self, now_s: float) -> bool:
        while self.told_s and now_s - self.told_s[0] >= self.rule.window_s:
            self.told_s.popleft()
        return len(self.told_s) < self.rule.limit

    def tell(self, value: str, now_s: float) -> int:
        left_out, self.left_out = self.left_out, 0
        self.held.clear()
        self.told_s.append(now_s)
        self.told_value = value
        return left_out

    def is_due(self, now_s: float) -> bool:
        if not self.held:
            return False
        calm = now_s - self.held_s >= self.rule.calm_s
        return self.has_room(now_s) or (calm and self.held_value != self.told_value)


class Repeats(Generic[T]):
    """Shown each entry before it is told."""

    def __init__(self) -> None:
        self._cases: OrderedDict[Hashable, _Case[T]] = OrderedDict()

    def take(self, key: Hashable, value: str, entry: T, rule: Rule, now_s: float) -> int | None:
        """How many like it were left out before, if it is to be told now; None if it is left out.

        `key` says what it is about, `value` what is said of that.
        """
        case = self._cases.setdefault(key, _Case(rule))
        self._cases.move_to_end(key)
        if len(self._cases) > KEPT_CASES:
            self._cases.popitem(last=False)
        if case.has_room(now_s):
            return case.tell(value, now_s)
        case.held[:] = [entry]
        case.held_value, case.held_s = value, now_s
        case.left_out += 1
        return None

    def due(self, now_s: float) -> list[tuple[T, int]]:
        """What was left out and is to be told now after all, each with the number of others left out before it."""
        found = []
        for case in self._cases.values():
            if case.is_due(now_s):
                entry = case.held[0]
                found.append((entry, case.tell(case.held_value, now_s) - 1))
        return found
