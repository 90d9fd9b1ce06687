"""Misses against false interruptions, in the closed loop, with all thresholds moved up and down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.bargein import evaluate, suites
from speakerd.mic.bargein import LEARNED, RULE

OFFSETS = (-1.5, -0.75, 0.0, 1.0, 2.0)
"""Added to the learned detector's thresholds."""

SHARES = (0.5, 0.7, 0.83, 0.95)
"""Of 300 ms that must pass the rule."""

SERS_DB = (0.0, -10.0)


def draw(cache: Path, out: Path | None, processes: int, hours: float = 1.0, scenes: int = 10) -> None:
    """Run the loop for every threshold and write the PNG, `out` or docs/bargein.png."""
    systems = [
        evaluate.System(
            f"learned {offset:+.2f}",
            tuning=replace(
                LEARNED,
                suspect=LEARNED.suspect + offset,
                confirm=LEARNED.confirm + offset,
                certain=LEARNED.certain + offset,
            ),
        )
        for offset in OFFSETS
    ]
    for share in SHARES:
        tuning = replace(RULE, suspect=share * 0.72, confirm=share, certain=share)
        systems.append(evaluate.System(f"rule {share}", tuning=tuning, rule=True))
        systems.append(evaluate.System(f"no canceller {share}", tuning=tuning, rule=True, canceller="none"))
    takes = [*suites.alone(hours, 100.0)]
    for ser_db in SERS_DB:
        takes += suites.talk(scenes, ser_db, ("command",), short=False)
    results = evaluate.play(cache, "test", takes, tuple(systems), processes)
    _figure(_points(results), out or Path("docs/bargein.png"), hours)


def _points(results: list[dict]) -> dict[str, dict[float, list[tuple[float, float]]]]:
    """By kind of system and SER: (false per hour, share of interruptions missed) for each threshold."""
    points: dict[str, dict[float, list[tuple[float, float]]]] = {}
    for name in dict.fromkeys(r["system"] for r in results):
        own = [r for r in results if r["system"] == name]
        alone = [r for r in own if r["suite"].startswith("alone")]
        false = sum(r["false"] for r in alone) / sum(r["hours"] for r in alone)
        for ser_db in SERS_DB:
            latencies = [ms for r in own if r["suite"] == f"SER {ser_db:+.0f}" for ms in r["latencies_ms"]]
            missed = sum(ms is None for ms in latencies) / len(latencies)
            kind = name.rsplit(" ", 1)[0]
            points.setdefault(kind, {}).setdefault(ser_db, []).append((false, missed))
    return points


def _figure(points: dict[str, dict[float, list[tuple[float, float]]]], path: Path, hours: float) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(SERS_DB), figsize=(9, 4), sharey=True, layout="constrained")
    least = 0.5 / hours
    marks = {"learned": "o-", "rule": "s--", "no canceller": "^:"}
    for axis, ser_db in zip(axes, SERS_DB, strict=True):
        for kind, mark in marks.items():
            line = points[kind][ser_db]
            axis.plot([max(false, least) for false, _ in line], [100 * missed for _, missed in line], mark, label=kind)
        axis.set_xscale("log")
        axis.set_xlabel(f"false interruptions per hour (leftmost: none in {hours:g} h)")
        axis.set_title(f"user at SER {ser_db:+.0f} dB")
        axis.grid(alpha=0.3, which="both")
    axes[0].set_ylabel("interruptions not heard within 1.5 s, %")
    axes[0].legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)
