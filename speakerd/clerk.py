"""Serves what the assistant asks for beside talking: runs its calls, hands back the answers, ends the conversation.

Owned by the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from speakerd.config.model import Skills
from speakerd.conversation.events import GOODBYE, Event, ToolsCalled, ToolsSettled, UserSpeechStarted, WakeDetected
from speakerd.conversation.state import State
from speakerd.logfields import fields
from speakerd.realtime import outputs
from speakerd.skills.assembly import assemble
from speakerd.skills.mcp import missing, session_tools
from speakerd.skills.ports import Ports, PursePort, VolumePort
from speakerd.skills.registry import Registry
from speakerd.skills.runner import Call, Runner
from speakerd.skills.schema import Json
from speakerd.wallclock import local_now

log = logging.getLogger(__name__)

UNKNOWN = "a function that there is not"
"""Told of names that the model made up: they may hold anything."""


class Answer(Protocol):
    """Where answers go: `Link.answer_tools`."""

    def __call__(self, session: int, outputs: list[tuple[str, str]], *, reply: bool) -> None:
        """Call id and text of each; `reply`: ask for words."""


class Clerk:
    """One for the life of the daemon."""

    def __init__(
        self,
        section: Skills,
        volume: VolumePort,
        purse: PursePort,
        tasks: asyncio.TaskGroup,
        dispatch: Callable[[Event], None],
        answer: Answer,
    ) -> None:
        """Loads all skills, of plug-ins too. `dispatch` takes events for the conversation."""
        self._section = section
        self._tasks = tasks
        self._dispatch = dispatch
        self._answer = answer
        self._ports = Ports(clock=local_now, end=self._part, volume=volume, purse=purse)
        self._before: Counter[str] = Counter()
        """Totals of earlier runners."""
        self._registry = self.load(section)
        self._runner = self._make_runner()
        self._parting = False
        """The conversation ends when what the assistant says has been heard."""

    def load(self, section: Skills) -> Registry:
        """All skills that the section wants. Runs plug-ins' code; in any thread."""
        return assemble(section, self._ports)

    def use(self, section: Skills, registry: Registry) -> None:
        """Serve with these from now on; between conversations. What an old call gives is not waited for."""
        self._before = Counter(self.counters())
        self._runner.close()
        self._section, self._registry = section, registry
        self._runner = self._make_runner()

    def _make_runner(self) -> Runner:
        section = self._section
        return Runner(
            self._registry, self._tasks, timeout_s=section.timeout_s, output_characters=section.output_characters
        )

    @property
    def patience_s(self) -> float:
        """Time that the slowest skill may take."""
        own = (skill.timeout_s for skill in self._registry.skills.values())
        return max([self._section.timeout_s, *(seconds for seconds in own if seconds is not None)])

    @property
    def names(self) -> list[str]:
        """Of all skills and MCP servers."""
        return [*self._registry.skills, *(server.label for server in self._section.mcp)]

    def complain(self, tokens: Mapping[str, str]) -> None:
        """Tell the journal of MCP servers whose credential is not among the `tokens`: missing, or not to be sent."""
        for server in self._section.mcp:
            if missing(server, tokens):
                log.warning(
                    "The MCP server %s is left out: no credential %s, or none that may be sent over ws://.",
                    server.label,
                    server.credential,
                    extra=fields(event="McpLeftOut", server=server.label, credential=server.credential),
                )

    def tools(self, tokens: Mapping[str, str], names: tuple[str, ...] | None = None) -> list[Json]:
        """The `tools` of a session, those of `names` if given.

        `tokens` holds what each named credential contains. Never log it.
        """
        servers = [server for server in self._section.mcp if names is None or server.label in names]
        return session_tools(self._registry.tools(names), servers, tokens)

    def counters(self) -> dict[str, int]:
        """Totals since the start."""
        runner = self._runner
        now = {"skill_calls": runner.calls, "skill_failures": runner.failures, "skill_timeouts": runner.timeouts}
        return {name: total + self._before[name] for name, total in now.items()}

    def serve(self, called: outputs.ToolsCalled) -> None:
        """Run the calls of a response, all at once; their answers go back together."""
        names = tuple(call.name if call.name in self._registry.skills else UNKNOWN for call in called.calls)
        self._dispatch(ToolsCalled(called.session, called.response_id, names))
        self._tasks.create_task(self._serve(called), name=f"calls of {called.response_id[:64]}")

    def observe(self, event: Event, _before: State, after: State, _now_s: float) -> None:
        """The conductor's observer: parts when the goodbye has been heard, unless the user goes on."""
        new = after in (State.IDLE, State.CONNECTING)
        if new or (after is State.LISTENING and isinstance(event, UserSpeechStarted | WakeDetected)):
            self._parting = False
        elif self._parting and after is State.LISTENING:
            self._parting = False
            self._dispatch(GOODBYE)

    def close(self) -> None:
        """Begin nothing more and wait for nothing. May be called twice."""
        self._runner.close()

    async def _serve(self, called: outputs.ToolsCalled) -> None:
        done = await self._runner.run([Call(one.call_id, one.name, one.arguments_text) for one in called.calls])
        reply = any(output.wants_reply for output in done)
        self._answer(called.session, [(output.call_id, output.text) for output in done], reply=reply)
        if not reply:
            self._dispatch(ToolsSettled(called.session, called.response_id))

    def _part(self) -> None:
        self._parting = True
