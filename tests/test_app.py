"""What the composition root does by itself; the whole daemon is in tests/daemon."""

from __future__ import annotations

from support.still_house import house

from speakerd.config.model import Config


async def test_the_last_that_systemd_shows_is_that_it_has_stopped(monkeypatch):
    """It shows that for as long as the service is down."""
    shown: list[str] = []
    async with house(Config()) as h:
        monkeypatch.setattr(h.board.reporter._notifier, "status", shown.append)
    assert shown[-1:] == ["Stopped"]
