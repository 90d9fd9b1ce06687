"""Choose the judge's numbers on the tuning split: recorded scores of the assistant alone, the closed loop for talk."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.bargein import evaluate, suites
from bench.bargein.cancellers import make_canceller
from bench.bargein.loop import run
from bench.bargein.scenes import Studio
from speakerd.conversation.events import BargeInDetected, BargeInSuspected
from speakerd.mic.bargein import LEARNED, BargeInJudge, Tuning
from speakerd.mic.doubletalk import SCORE_LIMIT, DoubleTalk
from speakerd.mic.duplex import Duplex

AFTER_FALSE_FRAMES = 100
"""A false interruption pauses the assistant for 2 s."""


@dataclass
class Recorder:
    """In the judge's place: keeps the scores, decides nothing."""

    scores: list[float]
    storm: bool = False

    def feed(self, index: int, score: float, level_dbfs: float) -> None:
        """See `duplex.Judge`."""
        self.scores += [-SCORE_LIMIT] * (index - len(self.scores))
        self.scores.append(score)

    def silence(self) -> None:
        """See `duplex.Judge`."""

    def realigned(self) -> None:
        """See `duplex.Judge`."""


@dataclass
class Trace:
    """A scene's scores, and what there was to find."""

    suite: str
    scores: np.ndarray
    taps: list[int]
    onsets: list[int]


def _record(job: tuple[Path, suites.Take, str]) -> Trace:
    cache, take, weights = job
    seed = [99, sum(map(ord, take.suite)), take.number]
    scene = _studio(cache).compose(take.plan, np.random.default_rng(seed))
    recorder = Recorder([])
    detector = DoubleTalk(evaluate.network(weights))
    run(scene, Duplex(make_canceller(take.plan.canceller), detector, recorder), np.random.default_rng(seed))
    onsets = [burst.onset for burst in scene.bursts]
    return Trace(take.suite, np.array(recorder.scores, np.float32), scene.taps, onsets)


def _studio(cache: Path) -> Studio:
    return evaluate.studio(cache, "tune")


def candidates() -> Iterator[Tuning]:
    """What is tried."""
    steps = itertools.product((0.35, 0.6), (0.15, 0.25, 0.4), (-1.0, 0.0, 0.7), (-0.5, 0.5, 1.5), (1.5, 2.5, 3.5))
    for quick, steady, suspect, confirm, certain in steps:
        if suspect - 0.5 <= confirm < certain:
            yield replace(LEARNED, quick=quick, steady=steady, suspect=suspect, confirm=confirm, certain=certain)


@dataclass
class Replay:
    """What a tuning does with recorded scores, without the loop."""

    dips_per_hour: float
    false_per_hour: float
    tapped: float
    """Share of taps that interrupt."""
    heard: float
    """Share of interruptions heard in the time wanted."""


WANTED_FRAMES = {"SER +10": 20, "SER +0": 30, "SER -10": 50}
"""400 ms, 600 ms, 1 s; a short word within 1.5 s."""


def replay(tuning: Tuning, traces: list[Trace]) -> Replay:
    """The judge alone, fed with the scores."""
    dips = false = taps = tapped = frames = wanted = heard = 0
    for trace in traces:
        judge, hits, paused = BargeInJudge(tuning), [], 0
        for k, score in enumerate(trace.scores.tolist()):
            if k < paused:
                continue
            event = judge.feed(k, score, 0.0)
            dips += trace.suite.startswith("alone") and isinstance(event, BargeInSuspected)
            if isinstance(event, BargeInDetected):
                hits.append(k)
                paused = k + AFTER_FALSE_FRAMES
                judge.silence()
        if trace.suite.startswith("alone"):
            frames += len(trace.scores)
            false += len(hits)
        taps += len(trace.taps)
        tapped += sum(any(0 <= hit - tap <= evaluate.HIT_FRAMES for hit in hits) for tap in trace.taps)
        within = WANTED_FRAMES.get(trace.suite, evaluate.HIT_FRAMES)
        wanted += len(trace.onsets)
        heard += sum(any(-evaluate.EARLY_FRAMES <= hit - onset < within for hit in hits) for onset in trace.onsets)
    hours = frames / 50 / 3600 or 1.0
    return Replay(dips / hours, false / hours, tapped / max(1, taps), heard / max(1, wanted))


def _replay(job: tuple[Tuning, list[Trace]]) -> tuple[Tuning, Replay, Replay]:
    tuning, traces = job
    # A margin: half a unit lower it must still be nearly quiet, for the test has five times the hours.
    lower = replace(tuning, confirm=tuning.confirm - 0.5, certain=tuning.certain - 0.5)
    alone = [trace for trace in traces if not trace.onsets]
    return tuning, replay(tuning, traces), replay(lower, alone)


def explore(cache: Path, weights: str, processes: int, hours: float = 2.0, scenes: int = 12) -> None:
    """Print the candidates that stay quiet and hear the most, then what those do in the closed loop."""
    talk: list[suites.Take] = []
    for ser_db in (10.0, 0.0, -10.0):
        talk += suites.talk(scenes, ser_db, ("*",), short=False)
    talk += suites.talk(scenes, 0.0, ("*",), short=True)
    takes = [*suites.alone(hours, 100.0), *suites.taps(100), *talk]
    with ProcessPoolExecutor(processes) as workers:
        traces = list(workers.map(_record, [(cache, take, weights) for take in takes], chunksize=2))
        found = list(workers.map(_replay, [(tuning, traces) for tuning in candidates()], chunksize=4))
    quiet = [f for f in found if f[1].dips_per_hour < 20 and f[2].false_per_hour < 1 and f[1].tapped <= 0.025]
    quiet.sort(key=lambda f: -f[1].heard)
    print(f"{len(quiet)} of {len(found)} stay quiet")
    systems = []
    for tuning, seen, lower in quiet[:4]:
        name = f"{tuning.quick} {tuning.steady} {tuning.suspect:+} {tuning.confirm:+} {tuning.certain:+}"
        print(f"{name}: {seen}, false half a unit lower: {lower.false_per_hour:.1f}/h")
        systems.append(evaluate.System(name, weights=weights, tuning=tuning))
    print(evaluate.table(evaluate.play(cache, "tune", talk, tuple(systems), processes)))
