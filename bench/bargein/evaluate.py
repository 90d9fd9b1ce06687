"""The closed loop over whole suites, for the daemon's own objects and the plain alternatives; and its table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache as remember
from pathlib import Path

import numpy as np

from bench.bargein.cancellers import make_canceller
from bench.bargein.loop import Outcome, run
from bench.bargein.scenes import Scene, Studio
from bench.bargein.suites import Take
from speakerd.mic.bargein import LEARNED, RULE, BargeInJudge, Tuning
from speakerd.mic.doubletalk import DoubleTalk, Network
from speakerd.mic.duplex import Duplex
from speakerd.mic.rule import Rule

HIT_FRAMES = 75
"""1.5 s from the onset: later is too late."""

EARLY_FRAMES = 10
"""The onset is where the burst is heard; a breath before it counts too."""


@dataclass(frozen=True)
class System:
    """What is tested."""

    name: str
    weights: str = ""
    """A file; empty: those of the package."""
    tuning: Tuning = LEARNED
    rule: bool = False
    canceller: str = ""
    """Instead of the scene's own."""
    alone_part: float = 1.0
    """Of the assistant-only scenes, spread evenly: a system that fails within minutes need not play for hours."""
    rest_part: float = 1.0
    """Of the other scenes."""

    def duplex(self, take: Take) -> Duplex:
        """The daemon's object, new."""
        detector = Rule() if self.rule else DoubleTalk(network(self.weights))
        return Duplex(make_canceller(self.canceller or take.plan.canceller), detector, BargeInJudge(self.tuning))


LEARNED_SYSTEM = System("learned")
RULE_SYSTEM = System("rule", tuning=RULE, rule=True)
BARE_SYSTEM = System("no canceller", tuning=RULE, rule=True, canceller="none")


def network(weights: str) -> Network | None:
    """From a file; None for the package's."""
    if not weights:
        return None
    with np.load(weights) as held:
        return Network({name: held[name] for name in held.files})


@remember
def studio(cache: Path, split: str) -> Studio:
    """Loaded once in each process."""
    return Studio(cache, split)


def _play(job: tuple[Path, str, Take, tuple[System, ...]]) -> list[dict]:
    cache, split, take, systems = job
    seed = [99, sum(map(ord, take.suite)), take.number]
    rng = np.random.default_rng(seed)
    heard = studio(cache, split)
    user = take.user if take.user in heard.speakers else None
    scene = heard.compose(take.plan, rng, user)
    results = []
    for system in systems:
        part = system.alone_part if take.suite.startswith("alone") else system.rest_part
        triple = take.number // 3  # of the three noises
        if int((triple + 1) * part + 1e-9) == int(triple * part + 1e-9):
            continue
        outcome = run(scene, system.duplex(take), np.random.default_rng(seed))
        results.append(judge(take, system.name, scene, outcome))
    return results


def judge(take: Take, system: str, scene: Scene, outcome: Outcome) -> dict:
    """What the outcome was worth: latencies of the interruptions heard, false ones, dips."""
    left = list(zip(outcome.detected, outcome.onsets, strict=True))
    latencies_ms: list[float | None] = []
    onset_errors_ms = []
    for burst in scene.bursts:
        near = [d for d in left if burst.onset - EARLY_FRAMES <= d[0] <= burst.end + 50]
        hits = [d for d in near if d[0] <= burst.onset + HIT_FRAMES]
        latencies_ms.append(max(0, hits[0][0] + 1 - burst.onset) * 20.0 if hits else None)
        if hits:
            onset_errors_ms.append((hits[0][1] - burst.onset) * 20.0)
        left = [d for d in left if d not in near]
    tapped = sum(any(0 <= d - tap <= HIT_FRAMES for d in outcome.detected) for tap in scene.taps)
    return {
        "suite": take.suite,
        "number": take.number,
        "system": system,
        "hours": outcome.played_frames * 0.02 / 3600,
        "false": len(left),
        "false_at": [d[0] for d in left],
        "dips": len(outcome.suspected),
        "latencies_ms": latencies_ms,
        "onset_errors_ms": onset_errors_ms,
        "taps": len(scene.taps),
        "tapped": tapped,
        "half_duplex": outcome.half_duplex_frames / max(1, len(scene.far) // 320),
        "storms": outcome.storm_frames / max(1, len(scene.far) // 320),
        "cpu_ms_per_s": outcome.cpu_s / take.plan.seconds * 1e3,
        "delay_ms": take.plan.delay_ms,
    }


def play(
    cache: Path, split: str, takes: Iterable[Take], systems: tuple[System, ...], processes: int, out: Path | None = None
) -> list[dict]:
    """All takes through all systems; results in the order of the takes."""
    jobs = [(cache, split, take, systems) for take in takes]
    with ProcessPoolExecutor(processes) as workers:
        results = [r for rs in workers.map(_play, jobs, chunksize=2) for r in rs]
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(results))
    return results


def table(results: list[dict]) -> str:
    """Markdown: a line for each system and suite."""
    lines = [
        "| system | suite | playback h | false | dips/h | heard | p50 ms | p95 ms | ≤ 1 s | half duplex |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for system in dict.fromkeys(r["system"] for r in results):
        own = [r for r in results if r["system"] == system]
        suites = list(dict.fromkeys(r["suite"] for r in own))
        if sum(s.startswith("alone") for s in suites) > 1:
            lines.append(_line(system, "alone, all", [r for r in own if r["suite"].startswith("alone")]))
        lines += [_line(system, s, [r for r in own if r["suite"] == s]) for s in suites]
    return "\n".join(lines)


def _line(system: str, suite: str, rows: list[dict]) -> str:
    hours = sum(r["hours"] for r in rows)
    latencies = [ms for r in rows for ms in r["latencies_ms"]]
    heard = sorted(ms for ms in latencies if ms is not None)
    taps = sum(r["taps"] for r in rows)
    false = f"{sum(r['tapped'] for r in rows)} of {taps} taps" if taps else str(sum(r["false"] for r in rows))
    talk = ["", "", "", ""]
    if latencies:
        # A miss is later than any hit: p95 over all interruptions, not over the heard ones alone.
        order = heard + [float("inf")] * (len(latencies) - len(heard))
        talk = [
            f"{len(heard)}/{len(latencies)} = {len(heard) / len(latencies):.1%}",
            _quantile(order, 0.5),
            _quantile(order, 0.95),
            f"{sum(ms <= 1000 for ms in heard) / len(latencies):.1%}",
        ]
    half = np.mean([r["half_duplex"] for r in rows])
    dips = sum(r["dips"] for r in rows) / hours
    return f"| {system} | {suite} | {hours:.2f} | {false} | {dips:.0f} | {' | '.join(talk)} | {half:.1%} |"


def _quantile(order: list[float], share: float) -> str:
    value = order[min(len(order) - 1, int(np.ceil(share * len(order))) - 1)]
    return "-" if np.isinf(value) else f"{value:.0f}"
