"""How figures are spread: percentiles of any number of them in bounded memory. Pure."""

from __future__ import annotations

import math
from collections import Counter

_DIGITS = 3


class Spread:
    """Figures, each kept to three significant digits: 900 different ones a decade, however many come."""

    def __init__(self) -> None:
        self._counts: Counter[float] = Counter()

    @property
    def count(self) -> int:
        """Figures added."""
        return self._counts.total()

    def add(self, figure: float) -> None:
        """Take one more. What is no number is left out."""
        if math.isfinite(figure):
            self._counts[_rounded(figure)] += 1

    def percentile(self, percent: float) -> float | None:
        """The smallest figure that `percent` of all are not above (nearest rank); None without figures."""
        rank = max(1, math.ceil(percent / 100 * self.count))
        for figure in sorted(self._counts):
            rank -= self._counts[figure]
            if rank <= 0:
                return figure
        return None


def _rounded(figure: float) -> float:
    if figure == 0:
        return 0.0
    return round(figure, _DIGITS - 1 - math.floor(math.log10(abs(figure))))
