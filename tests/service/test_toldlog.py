"""What counts goes to the events file, and a file that takes nothing hangs nobody."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from pathlib import Path

from speakerd.logfields import fields
from speakerd.service.eventlog import EventLog
from speakerd.service.toldlog import told_to

log = logging.getLogger("speakerd.test")


def test_faults_are_written_and_what_nobody_counts_is_not(tmp_path):
    path = tmp_path / "events.jsonl"
    with closing(EventLog(path)) as eventlog, told_to(eventlog):
        log.warning("Away.", extra=fields(event="Unreachable", code="x", tries=2))
        log.info("By the way.", extra=fields(event="SomethingElse"))
    [line] = [json.loads(line) for line in path.read_text().splitlines()]
    assert (line["event"], line["kind"], line["is_fault"], line["code"], line["tries"]) == (
        "Told",
        "Unreachable",
        True,
        "x",
        2,
    )


def test_that_lines_are_lost_is_told_and_may_be_lost_itself(caplog):
    with closing(EventLog(Path("/dev/full"))) as eventlog, told_to(eventlog):
        eventlog.write("Ready", 1.0)
        log.warning("Away.", extra=fields(event="Unreachable"))
        assert eventlog.lost == 3, "the line, the warning that it is lost, and the other warning"
    assert caplog.text.count("Events are lost") == 1
