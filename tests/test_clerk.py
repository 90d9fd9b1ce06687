"""Calls are run and answered together, and a goodbye is heard before the conversation ends."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from speakerd import clerk as module
from speakerd.clerk import Clerk
from speakerd.config.model import McpServer, Skills
from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.realtime.incoming import ToolCall
from speakerd.realtime.outputs import ToolsCalled

IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, FINISHING, CLOSING = State
DRAINED = ev.PlayoutDrained(final=True)
TIME, END = ToolCall("c1", "time_and_date", "{}"), ToolCall("c2", "end_conversation", "{}")


class Volume:
    percent = 40

    def volume_percent(self) -> int:
        return self.percent

    def set_volume_percent(self, percent: int) -> None:
        self.percent = percent

    def is_muted(self) -> bool:
        return False

    def set_muted(self, muted: bool) -> None: ...


class Purse:
    def costs(self) -> dict:
        return {"today": "1.00"}

    def sent_today(self) -> dict:
        return {}


@dataclass
class Desk:
    """A clerk, and what comes of it."""

    tasks: asyncio.TaskGroup
    section: Skills = field(default_factory=Skills)
    events: list[ev.Event] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.volume = Volume()
        self.clerk = Clerk(self.section, self.volume, Purse(), self.tasks, self.events.append, self._take)

    def _take(self, session: int, outputs: list[tuple[str, str]], *, reply: bool) -> None:
        self.answers.append((session, dict(outputs), reply))

    async def serve(self, *calls: ToolCall) -> None:
        before = len(self.answers)
        self.clerk.serve(ToolsCalled(1, "r1", calls))
        async with asyncio.timeout(5):
            while len(self.answers) == before:  # noqa: ASYNC110 - a list, which knows no waiting
                await asyncio.sleep(0.005)

    def observe(self, event: ev.Event, before: State, after: State) -> None:
        self.clerk.observe(event, before, after, 0.0)


@pytest.fixture
async def desk():
    async with asyncio.TaskGroup() as tasks:
        desk = Desk(tasks)
        yield desk
        desk.clerk.close()


async def test_calls_are_announced_run_and_answered_together(desk):
    await desk.serve(TIME, ToolCall("c3", "set_volume", '{"percent": 70}'), ToolCall("c4", "made up", "{}"))
    assert desk.events == [ev.ToolsCalled(1, "r1", ("time_and_date", "set_volume", module.UNKNOWN))]
    [(session, texts, reply)] = desk.answers
    assert (session, reply) == (1, True)
    assert texts["c3"] == "The volume is 70 percent."
    assert desk.volume.percent == 70
    assert "no such function" in texts["c4"]
    assert desk.clerk.counters() == {"skill_calls": 3, "skill_failures": 1, "skill_timeouts": 0}


async def test_the_purse_answers(desk):
    await desk.serve(ToolCall("c1", "what_did_it_cost", "{}"))
    assert json.loads(desk.answers[0][1]["c1"]) == {"today": "1.00"}


async def test_a_goodbye_that_comes_after_the_end_does_not_end_the_next_conversation(desk):
    desk.clerk.serve(ToolsCalled(1, "r1", (END,)))
    desk.observe(ev.SessionEnded(1, "connection_lost"), THINKING, IDLE)
    async with asyncio.timeout(5):
        while not desk.answers:  # noqa: ASYNC110 - a list, which knows no waiting
            await asyncio.sleep(0.005)
    desk.observe(ev.WakeDetected("w", 0.9, 1), IDLE, CONNECTING)
    desk.observe(ev.SessionReady(2), CONNECTING, LISTENING)
    assert ev.GOODBYE not in desk.events


async def test_it_parts_when_the_goodbye_was_heard_and_nothing_more_is_said(desk):
    await desk.serve(END)
    assert desk.answers[0][2] is False
    assert desk.events[1:] == [ev.ToolsSettled(1, "r1")]
    desk.observe(ev.ToolsSettled(1, "r1"), SPEAKING, SPEAKING)
    assert ev.GOODBYE not in desk.events
    desk.observe(DRAINED, SPEAKING, LISTENING)
    desk.observe(ev.DeadlineReached(), LISTENING, LISTENING)
    assert desk.events.count(ev.GOODBYE) == 1


async def test_a_goodbye_beside_another_call_waits_for_the_answer_to_that(desk):
    await desk.serve(END, TIME)
    assert desk.answers[0][2] is True
    assert ev.ToolsSettled(1, "r1") not in desk.events
    desk.observe(ev.ResponseStarted(1, "r2"), THINKING, THINKING)
    desk.observe(DRAINED, SPEAKING, LISTENING)
    assert desk.events[-1] == ev.GOODBYE


@pytest.mark.parametrize("event", [ev.UserSpeechStarted(1), ev.WakeDetected("w", 0.9, 1)])
async def test_who_interrupts_the_goodbye_wants_to_go_on(desk, event):
    await desk.serve(END)
    desk.observe(event, SPEAKING, LISTENING)
    desk.observe(DRAINED, SPEAKING, LISTENING)
    assert ev.GOODBYE not in desk.events


async def test_a_goodbye_does_not_reach_the_next_conversation(desk):
    await desk.serve(END)
    desk.observe(ev.SessionEnded(1, "lost"), SPEAKING, IDLE)
    desk.observe(ev.SessionReady(2), CONNECTING, LISTENING)
    assert ev.GOODBYE not in desk.events


async def test_closing_ends_what_runs(tmp_path: Path):
    (tmp_path / "slow.py").write_text(
        "import asyncio\nfrom speakerd.skills import skill\n\n"
        '@skill(timeout_s=300)\nasync def sleep() -> str:\n    """Sleep."""\n    await asyncio.sleep(200)\n'
    )
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        desk = Desk(tasks, Skills(folder=str(tmp_path), timeout_s=2.0))
        assert desk.clerk.patience_s == 300
        desk.clerk.serve(ToolsCalled(1, "r1", (ToolCall("c1", "sleep", "{}"),)))
        await asyncio.sleep(0.05)
        desk.clerk.close()
    assert desk.clerk.counters()["skill_failures"] == 1


async def test_an_mcp_server_without_its_token_is_left_out_and_said(desk, caplog):
    server = McpServer(label="home", url="https://home.example.org/mcp", credential="home-token")
    desk.clerk._section = Skills(mcp=(server,))
    assert "mcp" not in {tool["type"] for tool in desk.clerk.tools({})}
    desk.clerk.complain({})
    assert (
        "The MCP server home is left out: no credential home-token, or none that may be sent over ws://." in caplog.text
    )
    assert desk.clerk.names[-1] == "home"
    assert [t.get("name") for t in desk.clerk.tools({"home-token": "x"}, ("time_and_date",))] == ["time_and_date"]
    assert [t["type"] for t in desk.clerk.tools({"home-token": "x"}, ("home",))] == ["mcp"]
    [mcp] = [tool for tool in desk.clerk.tools({"home-token": "s3cret"}) if tool["type"] == "mcp"]
    assert mcp["authorization"] == "s3cret"
    assert "s3cret" not in caplog.text
