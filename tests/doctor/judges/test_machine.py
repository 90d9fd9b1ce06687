"""Heat, power and load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.machine import Machine, judge

WELL = Machine("Raspberry Pi 4 Model B Rev 1.2", 4, 0.4, 1_500, 9_000, 52.0, 0)


def test_all_is_well():
    (only,) = judge(WELL)
    assert only.level is Level.OK
    assert only.what == (
        "Raspberry Pi 4 Model B Rev 1.2, 4 processors, load 0.4, 52 °C, 1500 MB of memory free, never throttled."
    )


def test_what_cannot_be_told_is_no_fault():
    (only,) = judge(Machine("", 2, 0.1, None, None, None, None))
    assert only.level is Level.OK


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({"throttled": 0x1}, Level.PROBLEM, "Now its supply voltage is too low"),
        ({"throttled": 0x50005}, Level.PROBLEM, "Now its supply voltage is too low and it is throttled"),
        ({"throttled": 0x10000}, Level.NOTICE, "Since the start, at times, its supply voltage is too low"),
        ({"celsius": 83.0}, Level.PROBLEM, "83 °C"),
        ({"celsius": 74.0}, Level.NOTICE, "74 °C"),
        ({"load_1_min": 5.1}, Level.NOTICE, "load 5.1 on 4"),
        ({"memory_free_mb": 60}, Level.NOTICE, "60 MB are free"),
        ({"disk_free_mb": 3}, Level.NOTICE, "The disk is full"),
    ],
)
def test_faults(change, level, words):
    (fault,) = judge(replace(WELL, **change))
    assert fault.level is level
    assert words in fault.what
    assert fault.why
    assert fault.remedy
