"""What leaves the room, counted at a real socket: every byte, not only those that we mean to send."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from support.rig import Rig, rig

from speakerd.cast import Cast
from speakerd.config.model import Config, Realtime
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.events import PlayoutFlushed, WakeDetected
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State
from speakerd.mic.gatekeeper import Gatekeeper
from speakerd.pcm import NearFrame
from speakerd.switchboard import Switchboard

MINUTE = 60 * 50
"""Frames of a minute."""
FRAME_BYTES = 960
"""Of 20 ms on the wire, before base64."""


class Room:
    """The way of the microphone's sound from the gate to the socket; frames come as fast as we like."""

    def __init__(self, rig: Rig, silence_s: float) -> None:
        self.rig = rig
        self.keeper = Gatekeeper(lambda pcm: self.board.send(pcm), Realtime())
        playout = MagicMock(flush=lambda: self.conductor.dispatch(PlayoutFlushed()))
        machine = Machine(Rules(silence_s=silence_s))
        self.conductor = Conductor(machine, rig.link, self.keeper, playout, asyncio.get_running_loop())
        cashier = SimpleNamespace(sent=lambda _pcm: None, refusal=lambda: None)
        parts: Any = MagicMock()
        self.board = Switchboard(
            self.conductor,
            rig.link,
            self.keeper,
            parts,
            playout,
            parts,
            parts,
            cashier,
            parts,
            parts,
            Cast(Config()),
            {"": rig.link._dialler.asked},
            parts,
        )
        self.conductor.observe(self.board.observe)
        self.indexes = itertools.count()
        self.voice = np.random.default_rng(1).integers(-8_000, 8_000, 320, np.int16)

    async def hear(self, frames: int) -> None:
        """So much noise in the room; all that leaves it has left."""
        for _ in range(frames):
            index = next(self.indexes)
            self.board.take_frames([NearFrame(self.voice, index, time.monotonic())])
            if index % 50 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0.05)

    def wake(self) -> None:
        """The wake word."""
        self.board.take_event(WakeDetected("hey_jarvis", 0.9, next(self.indexes) - 1))

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait, while the conversation goes on."""
        async with asyncio.timeout(5):
            while not what():
                self.take_outputs()
                await asyncio.sleep(0.005)

    def take_outputs(self) -> None:
        """What the server said."""
        while not self.rig.outputs.empty():
            self.board.take_output(self.rig.outputs.get_nowait())


@asynccontextmanager
async def room(*, silence_s: float = 0.3, **options: Any) -> AsyncIterator[Room]:
    async with rig(**options) as r:
        made = Room(r, silence_s)
        r.link.start()
        yield made
        made.conductor.stop()


async def test_before_the_wake_word_there_is_not_even_a_connection():
    async with room(keep_warm=False) as it:
        await it.hear(MINUTE)
        assert it.rig.octets_in == it.rig.attempts == 0


async def test_over_a_warm_connection_nothing_is_sent_but_what_sets_it_up_and_pings():
    async with room(ping_interval_s=0.2) as it:
        await it.until(lambda: it.rig.link.warm)
        set_up = it.rig.octets_in
        await it.hear(MINUTE)
        await asyncio.sleep(0.5)
        pings = it.rig.octets_in - set_up
        assert 0 < pings <= 10 * 14, "pings of 10 bytes: six of their frame, four to tell them apart"
        assert [message["type"] for message in it.rig.peer.heard] == ["session.update"]


@pytest.mark.parametrize("warm", [True, False])
async def test_from_the_wake_word_to_the_end_and_not_a_byte_later(warm):
    async with room(keep_warm=warm) as it:
        await it.until(lambda: it.rig.link.warm or not warm)
        await it.hear(MINUTE)
        it.wake()
        await it.until(lambda: it.conductor.state is State.LISTENING)
        before = it.rig.octets_in
        await it.hear(50)
        await it.until(lambda: it.conductor.state is State.IDLE)
        await it.until(lambda: it.rig.peers[0].connection.close_code is not None)
        await it.until(lambda: it.rig.link.warm or not warm)
        sent_frames = len(it.rig.peers[0].audio) / FRAME_BYTES
        assert 50 <= sent_frames <= 50 + 25 + 2, "this second and what comes before the wake word in the same breath"
        after = it.rig.octets_in
        assert after - before > 50 * FRAME_BYTES / 2, "this is where it is counted"
        await it.hear(MINUTE)
        assert it.rig.octets_in == after
        assert all(peer.audio == b"" for peer in it.rig.peers[1:])


@pytest.mark.parametrize("warm", [True, False])
async def test_while_muted_not_a_byte_whatever_is_said(warm):
    async with room(keep_warm=warm) as it:
        await it.until(lambda: it.rig.link.warm or not warm)
        it.board.mute(muted=True)
        before = it.rig.octets_in
        for _ in range(3):
            await it.hear(50)
            it.wake()
        it.take_outputs()
        assert it.conductor.state is State.IDLE
        assert it.rig.octets_in == before

        late = NearFrame(it.voice, next(it.indexes), time.monotonic())
        it.board.mute(muted=False)
        it.board.take_frames([late])
        assert not it.keeper._uplink._ring, "it was on its way when the microphone was taken in again"
        it.wake()
        it.take_outputs()
        assert it.conductor.state is State.IDLE, "that word was said while muted"
        await it.hear(10)
        it.wake()
        assert it.conductor.state is State.IDLE, "and so was most of this one"
        await it.hear(20)
        it.wake()
        await it.until(lambda: it.conductor.state is State.LISTENING)
        await it.until(lambda: it.rig.peers[0].audio != b"")
        await asyncio.sleep(0.05)
        sent_frames = len(it.rig.peers[0].audio) / FRAME_BYTES
        assert sent_frames <= 25, "nor later: what was said meanwhile is forgotten"


async def test_muted_in_a_conversation_it_ends_and_what_was_held_is_forgotten():
    async with room(keep_warm=False, silence_s=5.0) as it:
        it.wake()
        await it.until(lambda: it.conductor.state is State.LISTENING)
        await it.hear(20)
        await it.until(lambda: len(it.rig.peer.audio) >= 15 * FRAME_BYTES)
        sent = len(it.rig.peer.audio)
        it.board.mute(muted=True)
        await it.hear(MINUTE)
        await it.until(lambda: it.conductor.state is State.IDLE)
        assert len(it.rig.peer.audio) == sent
        assert sent <= (20 + 25 + 2) * FRAME_BYTES


@pytest.mark.parametrize("warm", [True, False])
async def test_called_by_hand_nothing_is_sent_of_what_was_said_before(warm):
    async with room(keep_warm=warm) as it:
        await it.until(lambda: it.rig.link.warm or not warm)
        await it.hear(50)
        it.board.take_event(WakeDetected("hey_jarvis", 1.0, next(it.indexes) - 1, by_hand=True))
        await it.until(lambda: it.conductor.state is State.LISTENING)
        await asyncio.sleep(0.05)
        assert it.rig.peers[0].audio == b""
        await it.hear(10)
        await it.until(lambda: len(it.rig.peers[0].audio) >= 8 * FRAME_BYTES)
        assert len(it.rig.peers[0].audio) <= 10 * FRAME_BYTES
