"""What `speakerd setup` takes for a service that holds the cards."""

from __future__ import annotations

import pytest

from speakerd.installation import unit
from speakerd.installation.programs import Done


@pytest.mark.parametrize(
    ("state", "holds"),
    [
        ("active", True),
        ("reloading", True),
        ("activating", True),  # it waits for a microphone, and has the loudspeaker
        ("deactivating", True),
        ("inactive", False),
        ("failed", False),
        ("", False),
    ],
)
def test_a_service_that_waits_for_a_card_runs_too(monkeypatch: pytest.MonkeyPatch, state: str, holds: bool):
    def run(*command: str, **_options: object) -> Done:
        assert command[:3] == ("systemctl", "show", "speakerd")
        return Done(0, f"{state}\n")

    monkeypatch.setattr(unit, "run", run)
    assert unit.runs() is holds


def test_where_systemd_does_not_answer_nothing_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unit, "run", lambda *_, **__: Done(127, "systemctl: No such file or directory"))
    assert unit.runs() is False
