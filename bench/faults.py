"""Conversations to each of which a fault happens: the whole daemon, a real socket, and what the user hears.

    python -m bench.faults [--conversations 500] [--seed 1] [--workers 6] [--kinds KIND …]

Several daemons side by side, every other one with a warm link (`keep_warm`). Each conversation: the user calls, a
fault of a random kind, moment and variation happens, the user calls again (half of the time at once, else after
having heard the speaker out) until there is an answer. The card is pretended: the microphone is a pipe that is fed
with flite's voice, the loudspeaker a file in which earcons, notices and answers are looked for. Prints markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.fault_run import Tally, suffer  # noqa: E402
from support.faults import MAKERS, draw  # noqa: E402

WARM_UP = 10
"""Conversations before the first look at memory."""
WANTED_S = 5.0


def work(order: tuple[int, int, int, int, list[str]]) -> Tally:
    """Conversations first, first + step, … of the draw of `count` with `seed`."""
    first, step, count, seed, kinds = order
    return suffer(list(enumerate(draw(count, seed, kinds)))[first::step], warm=first % 2 == 1)


def report(tallies: list[Tally], minutes: float) -> None:
    """Tables, and what must be nothing."""
    rows = [row for tally in tallies for row in tally.outcomes]
    troubles = Counter(trouble for row in rows for trouble in row.troubles)
    recovery = [row.recovery_s for row in rows if row.recovery_s]
    print(f"{len(rows)} conversations in {minutes:.1f} min, {len(tallies)} daemons.\n")
    print("| | |\n|---|---|")
    print(f"| process deaths | {sum(bool(t.death) for t in tallies)} |")
    print(f"| stuck states, calls without an answer, faults that did not come to pass | {dict(troubles) or 0} |")
    print(f"| next wake works, s after the fault's end: p50, p95, max | {quantiles(recovery)} |")
    late = [row for row in rows if row.recovery_s > WANTED_S]
    deaf = sum(row.lost_ms > 0 for row in rows)
    print(f"| … later than {WANTED_S:.0f} s | {len(late)} |")
    print(f"| … of these, without sound that the machine was too busy for | {sum(not row.lost_ms for row in late)} |")
    print(f"| … at the first call | {sum(row.calls == 1 for row in rows)} |")
    print(f"| calls in which no wake word was detected, or nothing after it | {sum(row.unheard for row in rows)} |")
    print(f"| conversations in which the machine was too busy for sound of the microphone | {deaf} |\n")
    print("| fault | trials | next wake, s: p50, p95, max | how the session ended | what the patient user heard |")
    print("|---|---|---|---|---|")
    for kind in sorted({row.kind for row in rows}):
        mine = [row for row in rows if row.kind == kind]
        ended = Counter(row.noticed or "in order" for row in mine)
        heard = Counter(", ".join(row.heard) for row in mine if row.patient)
        times = quantiles([row.recovery_s for row in mine if row.recovery_s])
        print(f"| {kind} | {len(mine)} | {times} | {told(ended)} | {told(heard)} |")
    print("\n| daemon | conversations | RSS, MB | descriptors | threads | CPU, s |\n|---|---|---|---|---|---|")
    for number, tally in enumerate(tallies):
        count = len(tally.outcomes)
        for at in sorted({min(WARM_UP, count) - 1, count // 2, count - 1} if count else ()):
            print(f"| {number}{' warm' if tally.warm else ''} | {at + 1} {tally.outcomes[at].vitals}")
    for tally in tallies:
        print(tally.log, tally.death, file=sys.stderr)


def quantiles(values: list[float]) -> str:
    """Median, 95th percentile and largest."""
    return ", ".join(f"{q:.1f}" for q in np.percentile(values, [50, 95, 100])) if values else "-"


def told(counter: Counter[str], most: int = 4) -> str:
    """The most frequent, with their numbers."""
    parts = [f"{name} ({count})" for name, count in counter.most_common(most)]
    rest = counter.total() - sum(count for _, count in counter.most_common(most))
    return "; ".join(parts) + (f"; others ({rest})" if rest else "")


def main() -> None:
    """Run and report; exit status 1 if something was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--kinds", nargs="*", default=[], choices=list(MAKERS), help="these alone")
    options = parser.parse_args()
    started_s = time.monotonic()
    orders = [(n, options.workers, options.conversations, options.seed, options.kinds) for n in range(options.workers)]
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        tallies = list(pool.map(work, orders))
    report(tallies, (time.monotonic() - started_s) / 60)
    sys.exit(1 if any(tally.troubles for tally in tallies) else 0)


if __name__ == "__main__":
    main()
