"""A microphone that does not work is told aloud, once; so is its return."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from speakerd import deafness as module
from speakerd.conversation.state import State
from speakerd.deafness import DEAF, HEARS_AGAIN, MUTED, Deafness
from speakerd.errors import DeadMicrophoneError, DeviceError
from speakerd.switchboard import Switchboard

GONE = DeviceError("hw:CARD=Device", "No such device")


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(module, "AFTER_S", 0.02)
    monkeypatch.setattr(module, "STEADY_S", 0.01)


@pytest.fixture
def said() -> list[str]:
    return []


async def test_it_is_told_once_however_often_it_is_tried_again_and_so_is_its_return(said):
    deafness = Deafness(said.append, lambda: False)
    for _ in range(3):
        deafness.device("microphone", GONE)
        await asyncio.sleep(0.03)
    assert said == [DEAF]
    for _ in range(2):
        deafness.device("microphone", None)
        await asyncio.sleep(0.02)
    assert said == [DEAF, HEARS_AGAIN]
    deafness.device("microphone", GONE)
    await asyncio.sleep(0.03)
    assert said == [DEAF, HEARS_AGAIN, DEAF]


async def test_one_that_comes_back_while_it_is_muted_is_not_said_to_hear(said):
    deafness = Deafness(said.append, lambda: True)
    deafness.device("microphone", GONE)
    await asyncio.sleep(0.03)
    deafness.device("microphone", None)
    await asyncio.sleep(0.02)
    assert said == [DEAF, MUTED]


async def test_what_nobody_could_hear_is_told_when_the_loudspeaker_works(said):
    deafness = Deafness(said.append, lambda: False)
    deafness.device("microphone", GONE)
    await asyncio.sleep(0.03)
    deafness.device("loudspeaker", GONE)
    deafness.device("loudspeaker", None)
    assert said == [DEAF, DEAF]
    deafness.device("microphone", None)
    await asyncio.sleep(0.02)
    deafness.device("loudspeaker", None)
    assert said == [DEAF, DEAF, HEARS_AGAIN]


async def test_what_comes_back_soon_is_not_worth_a_word(said):
    deafness = Deafness(said.append, lambda: False)
    for error in (GONE, None):
        deafness.device("microphone", error)
    await asyncio.sleep(0.03)
    assert said == []


async def test_one_that_works_for_a_moment_again_and_again_does_not_work(said, monkeypatch):
    monkeypatch.setattr(module, "STEADY_S", 10.0)
    deafness = Deafness(said.append, lambda: False)
    for _ in range(4):
        for error in (GONE, None):
            deafness.device("microphone", error)
        await asyncio.sleep(0.01)
    deafness.device("microphone", GONE)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert said == [DEAF]


async def test_of_the_loudspeaker_nobody_would_hear(said):
    deafness = Deafness(said.append, lambda: False)
    for error in (GONE, None):
        deafness.device("loudspeaker", error)
        await asyncio.sleep(0.03)
    assert said == []


async def test_of_one_that_gives_zeros_nothing_is_said_aloud_for_it_may_have_a_noise_gate(said):
    deafness = Deafness(said.append, lambda: False)
    for error in (DeadMicrophoneError("hw:9", "gives no sound at all"), None):
        deafness.device("microphone", error)
        await asyncio.sleep(0.03)
    assert said == []


@pytest.mark.parametrize(("state", "how"), [(State.IDLE, "say"), (State.SPEAKING, "remark")])
async def test_a_conversation_is_not_talked_over(state, how):
    told: list[tuple[str, str]] = []
    herald = SimpleNamespace(
        say=lambda sentence: told.append(("say", sentence)), remark=lambda sentence: told.append(("remark", sentence))
    )
    reporter = SimpleNamespace(device=lambda *condition: told.append(("report", condition[0])))
    board = Switchboard(*[SimpleNamespace(state=state), *[None] * 4, reporter, *[None] * 3, herald, None, {}, None])
    board.take_device("microphone", GONE)
    await asyncio.sleep(0.03)
    assert told == [("report", "microphone"), (how, DEAF)]
