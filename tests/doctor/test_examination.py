"""Checks that are slow, that crash, that are well."""

from __future__ import annotations

import threading
import time

from speakerd.doctor.examination import Check, run_check, run_checks
from speakerd.doctor.finding import Level, ok


def test_findings_come_in_order_and_each_is_told():
    told = []
    checks = [Check(name, 5, lambda name=name: [ok(name, "fine"), ok(name, "good")]) for name in "abc"]
    findings = run_checks(checks, told.append)
    assert [finding.subject for finding in findings] == list("aabbcc")
    assert told == findings


def crash():
    yield ok("x", "before")
    raise KeyError("the key is sk-12345")


def test_a_crash_is_a_finding_and_tells_no_values():
    findings = run_checks([Check("x", 5, crash), Check("y", 5, lambda: [ok("y", "fine")])])
    assert [finding.level for finding in findings] == [Level.OK, Level.NOTICE, Level.OK]
    assert findings[1].what.startswith("This check failed: KeyError (test_examination.py:")
    assert "sk-" not in str(findings[1])


def test_a_check_that_hangs_is_given_up_and_what_it_found_is_kept():
    release = threading.Event()

    def hang():
        yield ok("x", "before")
        release.wait(10)
        yield ok("x", "too late")

    began_s = time.monotonic()
    findings = run_check(Check("x", 0.2, hang))
    assert time.monotonic() - began_s < 2
    assert [finding.what for finding in findings[:1]] == ["before"]
    assert findings[1].level is Level.PROBLEM
    assert "did not end within 0.2 s" in findings[1].what
    release.set()
    time.sleep(0.05)
    assert len(findings) == 2


def test_no_check_can_end_the_process():
    def leave():
        raise SystemExit(3)

    assert run_check(Check("x", 5, leave))[0].level is Level.NOTICE
