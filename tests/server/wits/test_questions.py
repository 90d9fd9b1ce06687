"""The questions of bench/questions.tsv, typed, with the speaker's own skills: all are to be answered rightly."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench" / "wits.py"


def _bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_wits", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_wits"] = module
    spec.loader.exec_module(module)
    return module


bench = _bench()


@pytest.mark.parametrize("question", list(bench.questions()), ids=lambda q: " / ".join(q.turns))
def test_answered_rightly(question):
    ok, said = bench.right(question, question.turns)
    assert ok, said


def test_there_are_sixty_and_thirty():
    groups = [question.group for question in bench.questions()]
    assert (groups.count("main"), groups.count("held")) == (60, 30)


def test_goodbye_ends_the_conversation_after_it_was_said():
    asker = bench.Asker()
    assert asker.ask("Goodbye.") == "Goodbye."
    assert asker.device.ended
