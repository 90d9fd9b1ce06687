"""Is it fast enough?"""

from __future__ import annotations

import pytest

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.models import Pace, judge


@pytest.mark.parametrize(
    ("wake", "speaking", "level"),
    [(0.03, 0.08, Level.OK), (0.3, 0.6, Level.NOTICE), (0.4, 1.2, Level.PROBLEM), (1.1, 0.9, Level.PROBLEM)],
)
def test_levels(wake, speaking, level):
    finding = judge(Pace(("alexa", "hey_jarvis"), 0.4, wake, speaking))
    assert finding.level is level
    assert "alexa and hey_jarvis loaded in 0.4 s" in finding.what
