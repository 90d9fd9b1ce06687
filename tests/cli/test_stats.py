"""`speakerd stats` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from speakerd.cli.stats import command


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    at = "2026-11-20T12:00:00.000+00:00"
    lines = [
        {"t": 1.0, "event": "Told", "at": at, "kind": "WakeDetected", "is_fault": False, "from_state": "IDLE"},
        {"t": 2.0, "event": "Told", "at": at, "kind": "TurnMeasured", "is_fault": False, "wake_to_chime_ms": 92.0},
        {"t": 3.0, "event": "Told", "at": at, "kind": "KeyRefused", "is_fault": True, "code": "key_refused"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_table_of_an_events_file(events):
    done = run("--events", events, "--since", "2026-11-01")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert "2026-11-20    92  92    -   -      -   -      -   -       -   -" in lines
    assert any(line.startswith("KeyRefused") for line in lines)
    assert max(map(len, lines)) <= 80


def test_json(events):
    given = json.loads(run("--events", events, "--since", "2026-11-01", "--json").output)
    assert given["since"].startswith("2026-11-01T00:00:00")
    assert given["all"]["counts"]["wakes"] == 1
    assert given["all"]["faults"] == {"KeyRefused": 1}


def test_nothing_found_says_what_was_looked_for(events, tmp_path):
    done = run("--events", events, "--since", "2199-01-01")
    assert done.exit_code == 0
    assert done.output.startswith(f"No entries: {events} has no line that counts since 2199-01-01 00:00. Is it")
    (tmp_path / "empty").mkdir()
    done = run("--journal", tmp_path / "empty", "--since", "2026-11-01")
    assert done.exit_code == 0
    assert "none of speakerd.service since 2026-11-01 00:00" in done.output
    here = run("--unit", "speakerd-test-nowhere.service").output
    assert "the journal has none of speakerd-test-nowhere.service since" in here
    assert "log.level" in here


def test_nothing_found_is_json_too(events):
    given = json.loads(run("--events", events, "--since", "2199-01-01", "--json").output)
    assert given["days"] == []
    assert given["all"]["times"]["wake_to_chime_ms"] == {"count": 0, "p50": None, "p95": None}


def test_a_wrong_time_is_answered_with_right_ones(events):
    done = run("--events", events, "--since", "whenever")
    assert done.exit_code == 2
    assert "found 'whenever', expected today, yesterday, 7d" in " ".join(done.output.split())


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    done = run("--events", tmp_path / "none")
    assert done.exit_code == 1
    assert "No such file" in str(done.exception)
    done = run("--journal", tmp_path / "none")
    assert done.exit_code == 1
    assert "cannot be read: No such file or directory (name a folder of journal files)" in str(done.exception)
