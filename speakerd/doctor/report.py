"""Findings as text for a terminal and a bug report, and as JSON. Pure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

from speakerd.doctor.finding import Finding, Level

WIDTH = 100
_SUBJECT = 14
_MARKS = {Level.OK: "ok     ", Level.NOTICE: "notice ", Level.PROBLEM: "PROBLEM"}
_INDENT = " " * (len(_MARKS[Level.OK]) + 2)


def lines(finding: Finding) -> list[str]:
    """Of one finding: what; and unless all is well, why and what to do."""
    head = f"{_MARKS[finding.level]}  {finding.subject:{_SUBJECT}}"
    told = textwrap.wrap(finding.what, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) or [head]
    if finding.level is not Level.OK:
        told += _labelled("why  ", finding.why)
        told += [f"{_INDENT}{'do   '}{finding.remedy}"] if finding.remedy else []  # never wrapped: to be copied
    return told


def summary(findings: Sequence[Finding]) -> str:
    """The last line."""
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    notices = sum(finding.level is Level.NOTICE for finding in findings)
    if not problems and not notices:
        return "All is well."
    return f"{_counted(problems, 'problem')}, {_counted(notices, 'notice')}."


def as_json(findings: Sequence[Finding]) -> str:
    """One object: `ok`, and each finding with its figures."""
    told = [
        {
            "subject": finding.subject,
            "level": str(finding.level),
            "what": finding.what,
            "why": finding.why,
            "remedy": finding.remedy,
            "figures": dict(finding.figures),
        }
        for finding in findings
    ]
    return json.dumps({"ok": all(one["level"] != Level.PROBLEM for one in told), "findings": told}, indent=1)


def _labelled(label: str, text: str) -> list[str]:
    if not text:
        return []
    return textwrap.wrap(text, WIDTH, initial_indent=_INDENT + label, subsequent_indent=_INDENT + " " * len(label))


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
