"""The short version of `bench/faults.py`: whole daemons, each kind of fault once, and the next call is answered."""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from support.fault_run import Tally, suffer
from support.faults import MAKERS, draw

WORKERS = 4
SEED = 20


def work(first: int) -> Tally:
    """A daemon's share."""
    faults = list(enumerate(draw(1 << 6, SEED)))
    seen: set[str] = set()
    once = [(n, f) for n, f in faults if f.kind not in seen and not seen.add(f.kind)]  # type: ignore[func-returns-value]
    return suffer(once[first::WORKERS], warm=first % 2 == 1, patience=0)


@pytest.mark.timeout(180)
def test_each_kind_of_fault_is_survived_and_the_next_call_is_answered():
    if not shutil.which("flite"):
        pytest.skip("needs flite for the user's voice")
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        tallies = list(pool.map(work, range(WORKERS)))
    outcomes = [outcome for tally in tallies for outcome in tally.outcomes]
    assert not [tally.log for tally in tallies if tally.troubles], [tally.troubles for tally in tallies]
    assert len(outcomes) == len(MAKERS)
    late = [(o.kind, o.recovery_s) for o in outcomes if o.recovery_s > 5 and not o.unheard]
    assert not late, "unless the machine was too busy to hear the wake word"
