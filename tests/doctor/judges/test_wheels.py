"""Versions against limits."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.wheels import Software, fits, judge, needed
from speakerd.doctor.probes.wheels import MODULES, broken

WELL = Software(
    (3, 11, 2), 64, "aarch64", "Debian", "0.1.0", ("numpy>=2", "soxr>=0.5"), {"numpy": "2.4.6", "soxr": "1.0"}
)


def told(**changes):
    return judge(replace(WELL, **changes))


def test_all_is_well():
    assert [finding.level for finding in told()] == [Level.OK, Level.OK]
    assert told()[1].figures == {"numpy": "2.4.6", "soxr": "1.0"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"python": (3, 9, 2)}, "Python 3.9.2"),
        ({"bits": 32}, "aarch64"),
        ({"installed": {"numpy": "1.26.4", "soxr": "1.0"}}, "numpy is 1.26.4, needed is >=2"),
        ({"installed": {"numpy": None, "soxr": "1.0"}}, "numpy is missing"),
        ({"broken": {"soxr": "it crashes with signal 4"}}, "soxr cannot be loaded (it crashes with signal 4)"),
    ],
)
def test_faults_are_problems(changes, words):
    (fault,) = [finding for finding in told(**changes) if finding.level is Level.PROBLEM]
    assert words in fault.what
    assert fault.why
    assert fault.remedy


def test_a_program_that_is_missing_is_a_notice():
    last = told(missing_programs={"flite": "says aloud what went wrong"})[-1]
    assert (last.level, last.remedy) == (Level.NOTICE, "sudo apt-get install flite")
    assert "apt-get" not in told(missing_programs={"piper": "is the voice"})[-1].remedy


@pytest.mark.parametrize(
    ("version", "limits", "fit"),
    [
        ("2.0.2", ">=2.0.2,<3", True),
        ("3.0", ">=2.0.2,<3", False),
        ("2.0.14.post1", ">=2.0.14", True),
        ("0.10", ">=0.9", True),
        ("8.1", ">=8.1.0", True),
        ("1.4.9", "~=1.4.2", True),
        ("1.5", "~=1.4.2", False),
        ("0.1.0", "==0.1.0", True),
        ("7", "", True),
    ],
)
def test_limits(version, limits, fit):
    assert fits(version, limits) is fit


def test_what_is_needed():
    lines = ("websockets>=16", "redis>=6; extra == 'relay-redis'", "moonshine-voice (==0.1.0) ; extra == 'embedded'")
    assert needed(lines) == {"websockets": ">=16"}


def test_every_dependency_is_tried():
    project = tomllib.loads((Path(__file__).resolve().parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(needed(tuple(project["project"]["dependencies"]))) - {"pyopen-wakeword"} == set(MODULES)


def test_packages_are_loaded_and_broken_ones_named(tmp_path, monkeypatch):
    (tmp_path / "brokenone.py").write_text("raise ImportError('libfoo.so.1: cannot open')")
    (tmp_path / "crashingone.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = broken({"fine": "json", "a-broken-one": "brokenone", "a-crashing-one": "crashingone"})
    assert found == {
        "a-broken-one": "ImportError: libfoo.so.1: cannot open",
        "a-crashing-one": "it crashes with signal 4",
    }
    assert broken({"fine": "json"}) == {}
    (tmp_path / "slowone.py").write_text("import time\ntime.sleep(60)")
    assert "loading takes longer" in broken({"slow": "slowone"}, limit_s=0.5)["one of them"]
