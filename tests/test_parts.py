"""The parts are made as the configuration wants them."""

from __future__ import annotations

import pytest

from speakerd.config.model import Audio, BargeIn, Config, Conversation, Wake
from speakerd.conversation.events import DuplexChanged
from speakerd.mic.duplex import OFF
from speakerd.mic.frontend import FrontEnd
from speakerd.parts import make_duplex
from speakerd.pcm import NEAR_PERIOD_FRAMES, NOTHING_PLAYS, NearFrame


def settings(barge_in: BargeIn, *, echo_cancellation: bool) -> Config:
    return Config(audio=Audio(echo_cancellation=echo_cancellation), conversation=Conversation(barge_in=barge_in))


@pytest.mark.parametrize("barge_in", BargeIn)
@pytest.mark.parametrize("echo_cancellation", [False, True])
def test_that_speech_cannot_interrupt_is_told_only_where_it_is_to(barge_in, echo_cancellation):
    front_end = FrontEnd(Wake(), make_duplex(settings(barge_in, echo_cancellation=echo_cancellation)))
    silence = NearFrame(NOTHING_PLAYS.samples[:NEAR_PERIOD_FRAMES], 0, 0.0)
    told = [event for event in front_end.process(silence, NOTHING_PLAYS)[1] if isinstance(event, DuplexChanged)]
    cannot = barge_in is BargeIn.SPEECH and not echo_cancellation
    assert told == ([DuplexChanged(OFF)] if cannot else [])
