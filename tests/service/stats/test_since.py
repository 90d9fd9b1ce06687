"""A point in the past, as people write it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from speakerd.service.stats.since import point

ZONE = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 23, 18, 30, 5, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2026-11-23T00:00:00+01:00"),
        ("Yesterday", "2026-11-22T00:00:00+01:00"),
        ("7d", "2026-11-16T00:00:00+01:00"),
        ("7 days ago", "2026-11-16T00:00:00+01:00"),
        ("2w", "2026-11-09T00:00:00+01:00"),
        ("12h", "2026-11-23T06:30:05+01:00"),
        ("90m", "2026-11-23T17:00:05+01:00"),
        ("2026-11-20", "2026-11-20T00:00:00+01:00"),
        ("2026-11-20 18:30", "2026-11-20T18:30:00+01:00"),
        ("2026-11-20T18:30:00+00:00", "2026-11-20T18:30:00+00:00"),
    ],
)
def test_it_is_understood(text, expected):
    assert point(text, NOW).isoformat() == expected


@pytest.mark.parametrize("text", ["", "tomorrow", "7", "7y", "999999w", "-3d", "2026-13-01", "now; rm"])
def test_what_is_no_point_in_the_past_is_refused(text):
    with pytest.raises(ValueError, match="no point in time"):
        point(text, NOW)
