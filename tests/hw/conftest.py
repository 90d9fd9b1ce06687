"""Odd cards, impatience with those that hang, and a card that may be frozen."""

from __future__ import annotations

import pytest
from support.odd_card import OddCard

from speakerd.demo.soundcard import VirtualSoundCard
from speakerd.hw import alsa, loudspeaker, microphone


@pytest.fixture
def card(monkeypatch):
    def plug(**abilities):
        made = []

        class Card(OddCard):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                made.append(self)

        for name, value in abilities.items():
            setattr(Card, name, value)
        monkeypatch.setattr(alsa.alsaaudio, "PCM", Card)
        return made

    return plug


@pytest.fixture
def impatient(monkeypatch):
    for module in (microphone, loudspeaker):
        monkeypatch.setattr(module, "STALL_S", 0.3)


@pytest.fixture
def own_card(tmp_path, monkeypatch):
    """One that may be frozen: nothing else waits for it meanwhile."""
    with VirtualSoundCard(tmp_path / "card") as card:
        for name, value in card.env.items():
            monkeypatch.setenv(name, value)
        yield card
        card.thaw()
