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


Trace = tuple[np.ndarray, list[int]]
"""Scores of a scene, frames of its taps."""


def _record(job: tuple[Path, suites.Take, str]) -> Trace:
    cache, take, weights = job
    seed = [99, sum(map(ord, take.suite)), take.number]
    scene = _studio(cache).compose(take.plan, np.random.default_rng(seed))
    recorder = Recorder([])
    detector = DoubleTalk(evaluate.network(weights))
    run(scene, Duplex(make_canceller(take.plan.canceller), detector, recorder), np.random.default_rng(seed))
    return np.array(recorder.scores, np.float32), scene.taps


def _studio(cache: Path) -> Studio:
    return evaluate.studio(cache, "tune")


def candidates() -> Iterator[Tuning]:
    """What is tried."""
    steps = itertools.product((0.25, 0.4), (0.12, 0.2), (-1.0, -0.5, 0.0), (-0.5, 0.0, 0.5, 1.0), (1.0, 1.5, 2.0))
    for quick, steady, suspect, confirm, certain in steps:
        if suspect <= confirm < certain:
            yield replace(LEARNED, quick=quick, steady=steady, suspect=suspect, confirm=confirm, certain=certain)


def replay(tuning: Tuning, traces: list[Trace]) -> tuple[float, float, float]:
    """Without the loop: dips an hour, false interruptions an hour, share of taps that interrupt."""
    dips = false = taps = tapped = frames = 0
    for scores, at in traces:
        judge, hits, paused = BargeInJudge(tuning), [], 0
        frames += len(scores)
        for k, score in enumerate(scores.tolist()):
            if k < paused:
                continue
            event = judge.feed(k, score, 0.0)
            dips += isinstance(event, BargeInSuspected)
            if isinstance(event, BargeInDetected):
                hits.append(k)
                paused = k + AFTER_FALSE_FRAMES
                judge.silence()
        false += len(hits)
        taps += len(at)
        tapped += sum(any(0 <= hit - tap <= evaluate.HIT_FRAMES for hit in hits) for tap in at)
    hours = frames / 50 / 3600
    return dips / hours, false / hours, tapped / max(1, taps)


def _replay(job: tuple[Tuning, list[Trace], list[Trace]]) -> tuple[float, float, float, float]:
    tuning, alone, taps = job
    dips, false, _ = replay(tuning, alone)
    return dips, false, replay(tuning, taps)[2], 0.0


def explore(cache: Path, weights: str, processes: int, hours: float = 1.5, scenes: int = 12) -> None:
    """Print what each candidate does with the assistant alone; then the closed loop of those that stay quiet enough."""
    alone, taps = list(suites.alone(hours, 100.0)), list(suites.taps(100))
    with ProcessPoolExecutor(processes) as workers:
        traces = list(workers.map(_record, [(cache, take, weights) for take in alone + taps], chunksize=2))
        jobs = [(tuning, traces[: len(alone)], traces[len(alone) :]) for tuning in candidates()]
        found = list(workers.map(_replay, jobs))
    quiet = []
    for (tuning, _, _), (dips, false, tapped, _) in zip(jobs, found, strict=True):
        if dips < 20 and false < 1.0 and tapped <= 0.025:
            quiet.append((dips, false, tapped, tuning))
    print(f"{len(quiet)} of {len(jobs)} stay quiet")
    # The lowest thresholds hear the most.
    quiet.sort(key=lambda q: q[3].suspect + q[3].confirm + q[3].certain)
    systems = []
    for dips, false, tapped, tuning in quiet[:5]:
        name = f"{tuning.quick} {tuning.steady} {tuning.suspect:+} {tuning.confirm:+} {tuning.certain:+}"
        print(f"{name}: {dips:.0f} dips/h, {false:.1f} false/h, {tapped:.1%} of taps")
        systems.append(evaluate.System(name, weights=weights, tuning=tuning))
    takes: list[suites.Take] = []
    for ser_db in (10.0, 0.0, -10.0):
        takes += suites.talk(scenes, ser_db, ("*",), short=False)
    takes += suites.talk(scenes, 0.0, ("*",), short=True)
    print(evaluate.table(evaluate.play(cache, "tune", takes, tuple(systems), processes)))
