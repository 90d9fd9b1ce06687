"""Make the barge-in detector again, and measure it: `python -m bench.bargein COMMAND CACHE`; docs/bargein.md tells how.

data   fetch and speak the sounds, build the rooms, compute what the network learns from
train  train the network with one seed or several
tune   what thresholds would do, on the tuning split
eval   the closed loop over the test, for the detector, the rule, and no canceller; prints the table
plot   misses against false interruptions, as PNG
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # one process per core does more than threads


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["data", "train", "tune", "eval", "plot"])
    parser.add_argument("cache", type=Path, help="folder for sounds, rooms, features, weights and results: 10 GB")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--hours", type=float, default=10.0, help="of assistant-only playback in the test")
    parser.add_argument("--part", type=float, default=1.0, help="of the interruptions and troubles in the test")
    parser.add_argument("--weights", nargs="*", default=[], help="files to test beside the package's weights")
    parser.add_argument(
        "--others-part", type=float, default=1 / 3, help="of that, for the others: all of the talk for other weights"
    )
    parser.add_argument("--split", default="test", choices=["tune", "test"])
    parser.add_argument("--out", type=Path, help="PNG of the plot, or JSON of the results")
    {"data": _data, "train": _train, "tune": _tune, "eval": _eval, "plot": _plot}[(a := parser.parse_args()).command](a)


def _data(a: argparse.Namespace) -> None:
    from bench.bargein import dataset, pools, rooms

    pools.prepare(a.cache, a.processes)
    rooms.prepare(a.cache, a.processes)
    dataset.prepare(a.cache, "tune", scenes=120, seed=77, processes=a.processes)
    dataset.prepare(a.cache, "train", scenes=1000, seed=11, processes=a.processes)
    dataset.prepare(a.cache, "train", scenes=200, seed=12, processes=a.processes, name="noisy", noisy=True)


def _train(a: argparse.Namespace) -> None:
    from bench.bargein import train

    (a.cache / "weights").mkdir(exist_ok=True)
    for seed in a.seeds:
        train.train(a.cache / "data", seed, a.cache / "weights" / f"seed{seed}.npz")


def _tune(a: argparse.Namespace) -> None:
    from bench.bargein import tuning

    for weights in a.weights or [""]:
        tuning.explore(a.cache, weights, a.processes)


def _eval(a: argparse.Namespace) -> None:
    from bench.bargein import evaluate, suites

    users, short_users = (("command",), ("short", "*")) if a.split == "test" else (("*",), ("*",))
    takes = suites.whole(a.hours, users, short_users, a.part)
    others = [evaluate.System(f"learned, {Path(w).stem}", weights=w) for w in a.weights]
    others = [replace(other, alone_part=a.others_part) for other in others]
    plain = [evaluate.RULE_SYSTEM, evaluate.BARE_SYSTEM]
    others += [replace(other, alone_part=a.others_part / 2, rest_part=a.others_part) for other in plain]
    systems = (evaluate.LEARNED_SYSTEM, *others)
    results = evaluate.play(a.cache, a.split, takes, systems, a.processes)
    print(evaluate.table(results))
    if a.out:
        a.out.write_text(json.dumps(results))


def _plot(a: argparse.Namespace) -> None:
    from bench.bargein import plot

    plot.draw(a.cache, a.out, a.processes)


if __name__ == "__main__":
    main()
