"""The page for Prometheus."""

from __future__ import annotations

import re

from speakerd.relay.metrics import Metrics, text

LINE = re.compile(r'speakerd_relay_[a-z_]+(\{[a-z]+="(\\.|[^"\\])*"\})? -?[0-9.e+-]+')


def test_every_line_is_of_the_format_and_every_family_has_a_type() -> None:
    metrics = Metrics(started=3, usd=0.25)
    metrics.refused['odd "\\\n'] += 2
    page = text(metrics, [("sessions", 1)])
    assert page.endswith("\n")
    families = set()
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            families.add(line.split()[2])
            assert line.split()[3] in ("counter", "gauge")
        else:
            assert LINE.fullmatch(line), line
            assert re.split(r"[{ ]", line)[0] in families
    assert "speakerd_relay_sessions_started_total 3" in page
    assert "speakerd_relay_spent_usd_total 0.25" in page
    assert r'{code="odd \"\\\n"} 2' in page
