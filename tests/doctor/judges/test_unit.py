"""What systemd and the journal tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.unit import Unit, judge

RUNS = Unit("active", "running", "enabled", "Waiting for the wake word.", "success", 0, 0)


def test_all_is_well():
    unit, journal = judge(RUNS, [])
    assert (unit.level, journal.level) == (Level.OK, Level.OK)
    assert "Waiting for the wake word." in unit.what


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({"active": "inactive"}, Level.NOTICE, "does not run"),
        ({"active": "activating"}, Level.NOTICE, "is starting"),
        ({"active": "failed", "result": "exit-code", "exit_status": 78}, Level.PROBLEM, "exit status 78"),
        ({"active": "failed", "result": "watchdog", "exit_status": 6}, Level.PROBLEM, "watchdog"),
    ],
)
def test_states(change, level, words):
    unit = judge(replace(RUNS, **change), [])[0]
    assert unit.level is level
    assert words in unit.what
    assert unit.remedy


@pytest.mark.parametrize(("count", "words"), [(1, "1 warning since"), (2, "2 warnings since")])
def test_warnings_are_counted_in_words_that_fit(count, words):
    assert words in judge(RUNS, count * ["The microphone does not work"])[1].what


def test_a_mistake_in_the_configuration_has_its_own_remedy():
    assert "speakerd check" in judge(replace(RUNS, active="failed", exit_status=78), [])[0].remedy


def test_disabled_and_restarted():
    told = [finding.what for finding in judge(replace(RUNS, enabled="disabled", restarts=7), [])]
    assert "The service does not start with the machine (disabled)." in told
    assert "The service was restarted 7 times." in told


def test_the_journal():
    assert judge(RUNS, None)[1].remedy == "sudo speakerd doctor"
    warnings = [f"fault {number}" for number in range(20)]
    found = judge(RUNS, warnings)[1]
    assert found.level is Level.NOTICE
    assert "20 warnings" in found.what
    assert "fault 19" in found.what
    assert "fault 11 " not in found.what


def test_words_in_quotes_are_left_out():
    what = judge(RUNS, ["it said \"my secret diary\" (to 'Anna Smith'), and doesn't it's"])[1].what
    assert "diary" not in what
    assert "Anna" not in what
    assert "doesn't it's" in what


def test_no_service_no_journal():
    (only,) = judge(None, None)
    assert only.remedy == "sudo script/install"
    (only,) = judge(None, None, systemd_runs=False)
    assert only.what == "There is no systemd here, so no service."
    assert "script/install" not in only.remedy


@pytest.mark.parametrize(
    ("active", "runs"), [("active", True), ("activating", True), ("failed", False), ("inactive", False)]
)
def test_who_holds_the_card(active, runs):
    assert replace(RUNS, active=active).runs is runs
