"""The conductor with recording ports: order of effects, the one timer, observers."""

from __future__ import annotations

import asyncio

import pytest

from speakerd.conversation import events as ev
from speakerd.conversation.actions import Earcon
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State

WAKE = ev.WakeDetected("hey_jarvis", 0.9, 1000)


class Recorder:
    """All ports in one: writes down what it is told; `answers` are dispatched from inside a call."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.answers: dict[str, ev.Event] = {}
        self.conductor: Conductor | None = None

    def port(self, name: str) -> Recorder:
        recorder = self

        class Port:
            def __getattr__(self, verb: str):
                def call(*args) -> None:
                    recorder.calls.append((f"{name}.{verb}", *args))
                    answer = recorder.answers.pop(f"{name}.{verb}", None)
                    if answer is not None:
                        recorder.conductor.dispatch(answer)

                return call

        return Port()


@pytest.fixture
async def recorder() -> Recorder:
    recorder = Recorder()
    recorder.conductor = Conductor(
        Machine(Rules(connect_s=0.02)),
        recorder.port("session"),
        recorder.port("uplink"),
        recorder.port("playout"),
        asyncio.get_running_loop(),
    )
    return recorder


async def test_actions_run_in_the_order_of_the_table(recorder):
    recorder.conductor.dispatch(WAKE)
    assert recorder.calls == [("playout.play_earcon", Earcon.WAKE), ("uplink.hold", 976), ("session.open", 1, 500)]


async def test_an_event_caused_by_an_action_comes_after_all_actions(recorder):
    recorder.answers["uplink.hold"] = ev.SessionEnded(1, "gone")
    recorder.conductor.dispatch(WAKE)
    verbs = [call[0] for call in recorder.calls]
    assert verbs == ["playout.play_earcon", "uplink.hold", "session.open", "uplink.close", "playout.play_earcon"]
    assert recorder.conductor.state is State.IDLE


async def test_the_timer_brings_the_deadline(recorder):
    seen = asyncio.Queue()
    recorder.conductor.observe(lambda event, before, after, now_s: seen.put_nowait((event, before, after)))
    recorder.conductor.dispatch(WAKE)
    assert await seen.get() == (WAKE, State.IDLE, State.CONNECTING)
    assert await seen.get() == (ev.DeadlineReached(), State.CONNECTING, State.CLOSING)
    recorder.conductor.stop()


@pytest.mark.parametrize("ran_dry", [False, True])
async def test_the_deadline_of_a_reply_tells_whether_its_rest_never_came(recorder, ran_dry):
    seen = []
    recorder.conductor.observe(lambda event, before, after, now_s: seen.append((event, before, after)))
    for event in (WAKE, ev.SessionReady(1), ev.UserSpeechStopped(1), ev.PlayoutStarted("i1")):
        recorder.conductor.dispatch(event)
    if ran_dry:
        recorder.conductor.dispatch(ev.PlayoutDrained(final=False))
    recorder.conductor._machine.deadline_s = 0.0
    recorder.conductor._on_timer()
    recorder.conductor.stop()
    assert seen[-1] == (ev.DeadlineReached(ran_dry), State.SPEAKING, State.LISTENING)


async def test_each_order_to_the_loudspeaker_reaches_it(recorder):
    conductor = recorder.conductor
    for event in (
        WAKE,
        ev.SessionReady(1),
        ev.UserSpeechStopped(1),
        ev.ResponseStarted(1, "r1"),
        ev.PlayoutStarted("i1"),
    ):
        conductor.dispatch(event)
    recorder.calls.clear()
    for event in (ev.BargeInSuspected(7), ev.BargeInDismissed(), ev.BargeInDetected(20, -20.0)):
        conductor.dispatch(event)
    conductor.dispatch(ev.ResponseEnded(1, "r1", "completed", 900))
    conductor.dispatch(ev.PlayoutDrained(final=True))
    conductor.stop()
    verbs = [call[0] for call in recorder.calls]
    assert verbs == ["playout.duck", "playout.restore", "playout.pause", "uplink.open", "playout.resume"]
