"""Words over the last sounds of a reply reach the server whole, though the decision about them comes later."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import State
from speakerd.mic.gatekeeper import Gatekeeper
from speakerd.pcm import NearFrame, from_bytes

CALLED_ANSWER = (ev.ToolsCalled(1, "r1"), ev.ResponseEnded(1, "r1", "completed", 900))
ANSWER = CALLED_ANSWER[1:]
ONSET = 190


class Deaf:
    """A session and a loudspeaker of which nothing is wanted."""

    def __getattr__(self, _verb: str):
        return lambda *_args: None


class Room:
    """The machine and the real gate; each frame's samples tell its index."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.keeper = Gatekeeper(self.sent.append, Realtime())
        self.conductor = Conductor(Machine(), Deaf(), self.keeper, Deaf(), asyncio.get_running_loop())
        self.index = 0

    def hear(self, frames: int, *, echo_free: bool = True) -> None:
        for _ in range(frames):
            frame = NearFrame(np.full(320, 50 * self.index, np.int16), self.index, 0.0)
            self.keeper.push(replace(frame, echo_free=echo_free))
            self.index += 1

    def happen(self, *events: ev.Event) -> None:
        for event in events:
            self.conductor.dispatch(event)

    def indexes(self) -> list[int]:
        """The frames that reached the server, in order."""
        samples = from_bytes(b"".join(self.sent))
        middles = samples[: samples.size // 480 * 480].reshape(-1, 480)[:, 240]
        return [round(middle / 50) for middle in middles]


@pytest.fixture
async def speaking():
    room = Room()
    room.happen(ev.WakeDetected("hey_jarvis", 0.9, 0), ev.SessionReady(1), ev.UserSpeechStopped(1))
    room.happen(ev.ResponseStarted(1, "r1"), ev.PlayoutStarted("i1"))
    room.hear(200)
    yield room
    room.conductor.stop()


@pytest.mark.parametrize("said", [ev.BargeInDetected(ONSET, -20.0), ev.BargeInSuspected(ONSET)])
@pytest.mark.parametrize("drained", [
    (*ANSWER, ev.PlayoutDrained(final=True)), (*CALLED_ANSWER, ev.PlayoutDrained(final=True)), (ev.PlayoutDrained(),),
])  # fmt: skip
@pytest.mark.parametrize("late_frames", [0, 1, 8])
async def test_from_their_beginning_and_no_frame_twice(speaking, said, drained, late_frames):
    speaking.happen(*drained)
    speaking.hear(late_frames)
    speaking.happen(said)
    speaking.hear(30 - late_frames)
    assert speaking.indexes()[:40] == list(range(ONSET - 15, ONSET + 25))


async def test_nothing_of_the_reply_is_sent_where_nobody_spoke(speaking):
    speaking.happen(*ANSWER, ev.PlayoutDrained(final=True))
    assert speaking.conductor.state is State.LISTENING
    speaking.hear(6, echo_free=False)
    speaking.hear(24)
    assert speaking.indexes()[:20] == list(range(206, 226))
