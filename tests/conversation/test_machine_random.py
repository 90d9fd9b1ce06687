"""Random runs keep the invariants, and left alone the machine reaches IDLE."""

from __future__ import annotations

import random

import pytest
from support.playbook import (
    AUDIBLE,
    CONNECTING,
    DRAINED,
    DRY,
    FLUSHED,
    IDLE,
    INTERRUPTED,
    LATE,
    LISTENING,
    NOT_SO,
    PERHAPS,
    SPEAKING,
    SPEECH,
    THINKING,
    WAKE,
)

from speakerd.config.model import BargeIn
from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules


def random_event(rng: random.Random, session: int) -> ev.Event:
    number = session if rng.random() < 0.9 else session - 1
    response = f"r{rng.randint(0, 2)}"
    return rng.choice(
        [
            WAKE,
            ev.StopRequested("x"),
            ev.SessionReady(number),
            ev.SessionEnded(number, rng.choice(["", "connection_lost"])),
            ev.UserSpeechStarted(number),
            ev.UserSpeechStopped(number),
            ev.NothingAsked(number),
            SPEECH,
            SPEECH,
            PERHAPS,
            NOT_SO,
            ev.ResponseStarted(number, response),
            ev.ResponseEnded(number, response, rng.choice(["completed", "cancelled", "failed"]), rng.choice([0, 500])),
            ev.ToolsCalled(number, response),
            ev.ToolsSettled(number, response),
            ev.GOODBYE,
            AUDIBLE,
            DRAINED,
            DRY,
            FLUSHED,
            LATE,
        ]
    )


@pytest.mark.parametrize("seed", range(300))
def test_random_runs_keep_the_invariants(seed):
    rng = random.Random(seed)
    machine, now_s = Machine(Rules(barge_in=rng.choice(list(BargeIn)))), 0.0
    uplink, open_session, ducked, paused = "closed", 0, False, False
    for _ in range(200):
        event = random_event(rng, machine.facts.session)
        now_s += rng.choice([0.0, 0.02, 1.0, 9.0])
        if isinstance(event, ev.DeadlineReached) and machine.deadline_s is not None and rng.random() < 0.5:
            now_s = max(now_s, machine.deadline_s)
        if isinstance(event, ev.SessionEnded) and event.session == open_session:
            open_session = 0
        for action in machine.handle(event, now_s):
            match action:
                case do.HoldUplink():
                    uplink = "held"
                case do.OpenUplink():
                    uplink = "open"
                case do.CloseUplink():
                    uplink = "closed"
                case do.AbortSession():
                    open_session = 0
                case do.OpenSession(number):
                    assert open_session == 0, "two sessions"
                    open_session = number
                case do.DuckPlayout():
                    ducked = True
                case do.RestorePlayout():
                    assert ducked
                    ducked = False
                case do.PausePlayout():
                    paused = True
                case do.ResumePlayout():
                    assert paused
                    assert not ducked, "restored before it sounds"
                    paused = False
                case do.FlushPlayout():
                    ducked = paused = False
                case _:
                    pass
        state = machine.state
        assert (machine.deadline_s is None) == (state is IDLE)
        if state is CONNECTING or (state is SPEAKING and not machine.facts.drained):
            assert uplink == "held"
        assert paused == (state is INTERRUPTED)
        assert not ducked or state in (SPEAKING, INTERRUPTED)
        assert ducked == machine.facts.ducked
        if state in (LISTENING, INTERRUPTED):
            assert uplink == "open"
        if state is THINKING:
            assert uplink in ("open", "held")
        if state is IDLE:
            assert uplink == "closed"
            assert open_session == 0, "a session that nobody minds"
    for _ in range(12):  # left alone, it reaches IDLE
        if machine.deadline_s is not None:
            machine.handle(LATE, machine.deadline_s)
    assert machine.state is IDLE
