"""What the demonstration showed: latencies measured at the sound card, and whether all went well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speakerd.demo.daemon import Happening
from speakerd.demo.stage import Performance, sounds

SILENT_WITHIN_S = 0.25
"""The loudspeaker must be silent this soon after the decision to stop. Generous: the machine may be busy."""


TICK_MS = 10
"""What is shorter cannot be measured on the virtual card."""


@dataclass(frozen=True, slots=True)
class Latency:
    """A stretch of time worth drawing."""

    name: str
    from_s: float
    to_s: float

    @property
    def ms(self) -> float:
        """Its length."""
        return (self.to_s - self.from_s) * 1000.0

    @property
    def text(self) -> str:
        """Its length in words; the virtual card's clock ticks every 10 ms."""
        return f"{self.ms:.0f} ms" if self.ms >= TICK_MS else f"under {TICK_MS} ms"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so."""

    what: str
    passed: bool


def latencies(played: Performance) -> list[Latency]:
    """As heard at the card: what the recordings and the events file tell together."""
    found = []
    if (wake := _first(played.events, "WakeDetected")) and (chime := _first_sound(played, wake["t"])):
        found.append(Latency("wake word to chime", wake["t"], chime))
    for spoken, answer in zip(played.spoken, _answers(played.events), strict=False):
        if first := _first_sound(played, answer["t"] - 0.05):
            found.append(Latency("user done to first sound", spoken.end_s, first))
    if (cut := _first(played.events, "BargeInDetected", state="INTERRUPTED")) and len(played.spoken) > 2:
        silent_s = _last_sound(played, cut["t"])
        found.append(Latency("interruption begins to decision", played.spoken[2].start_s, cut["t"]))
        found.append(Latency("decision to silence", cut["t"], silent_s))
    return found


def checks(played: Performance) -> Iterator[Check]:
    """Everything that makes the demonstration a success."""
    events, measured = played.events, {latency.name: latency.ms for latency in latencies(played)}
    question = " ".join(event["text"] for event in events if event["event"] == "Said" and event["role"] == "user")
    yield Check("the play went to its end" + (f": {played.missed}" if played.missed else ""), not played.missed)
    yield Check("the wake word was heard", _first(events, "WakeDetected") is not None)
    yield Check(
        "the question spoken in the same breath reached the server whole", "what time is it" in question.lower()
    )
    yield Check("the answer sounded from the loudspeaker", "user done to first sound" in measured)
    silent_ms = measured.get("decision to silence")
    second = " (at the second time of asking)" if played.repeated else ""
    yield Check(
        f"talking over the story silenced it{second}", silent_ms is not None and silent_ms < SILENT_WITHIN_S * 1000
    )
    flushed = _first(events, "PlayoutFlushed")
    yield Check("it was cut to what was heard", flushed is not None and flushed.get("heard_ms", 0) > 0)
    ended = [event["state"] for event in events if event["event"] == "StateChanged"][-1:]
    yield Check("silence ended the conversation", ended == ["IDLE"])
    yield Check("the daemon stopped when told to", played.exit_status == 0)


def _first(events: list[Happening], name: str, state: str | None = None) -> Happening | None:
    return next((e for e in events if e["event"] == name and state in (None, e["state"])), None)


def _answers(events: list[Happening]) -> list[Happening]:
    return [e for e in events if e["event"] == "PlayoutStarted"]


def _first_sound(played: Performance, after_s: float) -> float | None:
    return next((start for start, _ in sounds(played.speaker, after_s, after_s + 3.0)), None)


def _last_sound(played: Performance, decided_s: float) -> float:
    """The last sample that was not silent, from a little before the decision; the virtual card adds no noise."""
    from_s = decided_s - 1.0
    loud = np.flatnonzero(np.abs(played.speaker.between(from_s, decided_s + 0.5).astype(np.int32)) > 20)
    first = played.speaker.index_at(from_s)
    return max(decided_s, played.speaker.time_of(first + int(loud[-1]))) if loud.size else decided_s
