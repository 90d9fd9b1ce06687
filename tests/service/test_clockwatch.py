"""When the clock on the wall is set."""

from __future__ import annotations

import logging

import pytest

from speakerd.service.clockwatch import ClockWatch


def test_a_day_ahead_and_back_are_told_once_each(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    watch = ClockWatch()
    for wall_s, now_s in ((1e9, 5.0), (1e9 + 10, 15.0), (1e9 + 86_420, 25.0), (1e9 + 86_430, 35.0), (1e9 + 40, 45.0)):
        watch.look(wall_s, now_s)
    assert caplog.messages == [
        "The clock was set ahead by 1 d 0 h 0 min 0 s.",
        "The clock was set back by 1 d 0 h 0 min 0 s.",
    ]
    assert caplog.records[0].speakerd_fields == {"event": "ClockJumped", "jump_s": 86_400}


def test_the_first_look_and_small_corrections_are_not_told(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    watch = ClockWatch()
    for wall_s, now_s in ((1e9, 5.0), (1e9 + 39, 15.0), (1e9 + 20, 25.0)):
        watch.look(wall_s, now_s)
    assert caplog.messages == []
