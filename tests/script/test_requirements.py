"""The lock files: complete, with hashes, and without an address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def _pinned(lock: str) -> dict[str, str]:
    """Name and version of each package in a lock file."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, flags=re.MULTILINE))


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in requirements}


def test_there_are_locks() -> None:
    assert [lock.stem for lock in LOCKS] == ["bargein", "bench", "build", "dev", "referee", "runtime"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_line_is_a_pin_or_a_hash(lock: Path) -> None:
    entries = lock.read_text().replace("\\\n", "").splitlines()
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; [^#/@]+?)? +(--hash=sha256:[0-9a-f]{64} *)+", entry), entry[:80]


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    runtime = _names([*project["project"]["dependencies"], *(name for extra in extras.values() for name in extra)])
    assert runtime <= set(_pinned("runtime"))
    assert _names(project["dependency-groups"]["dev"]) <= set(_pinned("dev"))


def test_tests_run_on_the_versions_that_the_daemon_runs_on() -> None:
    assert _pinned("runtime").items() <= _pinned("dev").items()
