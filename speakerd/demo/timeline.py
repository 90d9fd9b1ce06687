"""The picture of the demonstration: both sounds one above the other, the states between them, the latencies on top."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from xml.sax.saxutils import escape

import numpy as np

from speakerd.demo.recording import Recording
from speakerd.demo.stage import Performance
from speakerd.demo.verdict import Latency, latencies

WIDTH, LEFT, RIGHT = 1400, 90, 20
MIC_Y, STATE_Y, SPEAKER_Y, HALF = 120, 190, 300, 50
STATE_HEIGHT = 34
HEIGHT = 480

COLOURS = {
    "IDLE": "#e8e8e8",
    "CONNECTING": "#ffe08a",
    "LISTENING": "#b7e3b0",
    "THINKING": "#ffcf9e",
    "SPEAKING": "#a9cdf5",
    "INTERRUPTED": "#f5b5a9",
    "FINISHING": "#a9cdf5",
    "CLOSING": "#d9c9e8",
}


class Timeline:
    """Draws one performance."""

    def __init__(self, played: Performance) -> None:
        self._played = played
        first_s = min((e["t"] for e in played.events), default=played.mic.t0_s)
        last_s = max((e["t"] for e in played.events), default=first_s + 1.0)
        self._from_s, self._until_s = first_s - 0.3, last_s + 1.0

    def svg(self) -> str:
        """The whole picture."""
        body = [
            *self._axis(),
            *self._states(),
            self._wave(self._played.mic, MIC_Y, "#3b7d34"),
            self._wave(self._played.speaker, SPEAKER_Y, "#2c5f9e"),
            _text(8, MIC_Y + 4, "microphone", 13),
            _text(8, STATE_Y + 22, "state", 13),
            _text(8, SPEAKER_Y + 4, "loudspeaker", 13),
            *self._words(),
            *self._latencies(),
        ]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="sans-serif"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
            + "\n".join(body)
            + "\n</svg>\n"
        )

    def _x(self, time_s: float) -> float:
        share = (time_s - self._from_s) / (self._until_s - self._from_s)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def _axis(self) -> Iterator[str]:
        for second in range(int(self._until_s - self._from_s) + 1):
            x = self._x(self._from_s + second)
            yield _line(x, MIC_Y - HALF - 6, x, SPEAKER_Y + HALF + 6, "#f0f0f0")
            if second % 2 == 0:
                yield _text(x, SPEAKER_Y + HALF + 22, f"{second} s", 11, anchor="middle", colour="#777")

    def _states(self) -> Iterator[str]:
        changes = [(e["t"], e["state"]) for e in self._played.events if e["event"] == "StateChanged"]
        bands = [(self._from_s, "IDLE"), *changes, (self._until_s, "")]
        for (start_s, state), (end_s, _) in pairwise(bands):
            x, width = self._x(start_s), self._x(end_s) - self._x(start_s)
            yield (
                f'<rect x="{x:.1f}" y="{STATE_Y}" width="{max(width, 0.5):.1f}" height="{STATE_HEIGHT}" '
                f'fill="{COLOURS[state]}" stroke="#fff"><title>{state}</title></rect>'
            )
            if width > 8 * len(state):
                yield _text(x + width / 2, STATE_Y + 21, state, 11, anchor="middle")

    def _wave(self, sound: Recording, y: float, colour: str) -> str:
        """Peaks, one a pixel, as a filled shape."""
        pixels = WIDTH - LEFT - RIGHT
        edges = np.linspace(self._from_s, self._until_s, pixels + 1)
        points = [
            (int(piece.max()), int(piece.min())) if piece.size else (0, 0)
            for piece in (sound.between(a, b) for a, b in pairwise(edges))
        ]
        scale = HALF / max(4000, *(abs(v) for point in points for v in point))
        upper = [f"{LEFT + i},{y - top * scale:.1f}" for i, (top, _) in enumerate(points)]
        lower = [f"{LEFT + i},{y - low * scale:.1f}" for i, (_, low) in enumerate(points)]
        shape = "L".join([*upper, *reversed(lower)])
        return f'<path d="M{shape}Z" fill="{colour}" stroke="{colour}" stroke-width="0.4"/>'

    def _words(self) -> Iterator[str]:
        for spoken in self._played.spoken:
            yield _text(self._x(spoken.start_s), MIC_Y - HALF - 8, f"“{spoken.words}”", 12, colour="#3b7d34")

    def _latencies(self) -> Iterator[str]:
        """Brackets below the loudspeaker, in rows, so that their words do not collide."""
        taken: list[float] = []
        for latency in sorted(latencies(self._played), key=lambda one: one.from_s):
            x = self._x(latency.from_s)
            row = next((i for i, until in enumerate(taken) if until < x), len(taken))
            label = f"{latency.name}: {latency.text}"
            taken[row:] = [x + 7.0 * len(label), *taken[row + 1 :]]
            yield from self._bracket(latency, SPEAKER_Y + HALF + 40 + 20 * row, label)

    def _bracket(self, latency: Latency, y: float, label: str) -> Iterator[str]:
        x1, x2 = self._x(latency.from_s), self._x(latency.to_s)
        yield _line(x1, STATE_Y + STATE_HEIGHT, x1, y, "#c0392b", dashed=True)
        yield _line(x2, STATE_Y + STATE_HEIGHT, x2, y, "#c0392b", dashed=True)
        yield _line(x1, y, x2, y, "#c0392b")
        yield _text(x2 + 5, y + 4, label, 12, colour="#c0392b")


def _text(x: float, y: float, words: str, size: int, *, anchor: str = "start", colour: str = "#333") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="2 3"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dash}/>'
