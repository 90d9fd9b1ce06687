"""Findings for people and for programs."""

from __future__ import annotations

import json

from speakerd.doctor.finding import notice, ok, problem
from speakerd.doctor.report import WIDTH, as_json, lines, summary

BAD = problem("mixer", "It is muted. " * 12, "Nothing comes out. " * 10, "alsamixer -D hw:X " + "x" * 120, percent=0)


def test_text():
    assert lines(ok("wifi", "fine")) == ["ok       wifi          fine"]
    told = lines(BAD)
    assert told[0].startswith("PROBLEM  mixer         It is muted.")
    assert all(len(line) <= WIDTH for line in told[:-1])
    assert told[-1].strip() == f"do   {BAD.remedy}", "a command is never broken"


def test_summary():
    assert summary([ok("a", "b")]) == "All is well."
    assert summary([BAD, notice("a", "b", "c", "d"), notice("a", "b", "c", "d")]) == "1 problem, 2 notices."


def test_json():
    told = json.loads(as_json([ok("a", "b", level_dbfs=-3.5), BAD]))
    assert told["ok"] is False
    assert told["findings"][0] == {
        "subject": "a", "level": "ok", "what": "b", "why": "", "remedy": "", "figures": {"level_dbfs": -3.5},
    }  # fmt: skip
    assert json.loads(as_json([]))["ok"] is True
