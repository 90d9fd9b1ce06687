"""Runs the model's calls: all at once, each within its time, and always with an answer in words."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speakerd.config.mistakes import listed, nearest
from speakerd.errors import SpeakerdError
from speakerd.logfields import fields
from speakerd.skills.pool import BusyError, Pool
from speakerd.skills.registry import Registry
from speakerd.skills.rendering import cut, render
from speakerd.skills.schema import ArgumentsError
from speakerd.skills.skill import Skill, SkillError

log = logging.getLogger(__name__)

MAX_THREADS = 8
"""Plain functions that run at once, hung ones among them."""
MAX_CALLS = 16
"""Calls that are run together; a model that asks for more has lost its way."""
MAX_LEFT_BEHIND = 8
"""Coroutines that did not end when they were cancelled; then no further one is begun."""
MAX_ERROR_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Call:
    """What the model asked for."""

    call_id: str
    name: str
    arguments: str
    """JSON, as the model wrote it."""


@dataclass(frozen=True, slots=True)
class Output:
    """What the model is told."""

    call_id: str
    text: str
    failed: bool = False
    wants_reply: bool = True
    """False if the assistant need not say anything to it."""


class Runner:
    """Belongs to the loop."""

    def __init__(
        self, registry: Registry, tasks: asyncio.TaskGroup, *, timeout_s: float = 10.0, output_characters: int = 2_000
    ) -> None:
        """`tasks` lives as long as the daemon; the figures are for skills that say nothing themselves."""
        self._registry = registry
        self._tasks = tasks
        self._timeout_s = timeout_s
        self._output_characters = output_characters
        self._pool = Pool(asyncio.get_running_loop(), MAX_THREADS, self._on_bug)
        self._running: set[asyncio.Task[Any]] = set()
        self._left_behind: set[asyncio.Task[Any]] = set()
        self._closed = False
        self.calls = 0
        self.failures = 0
        self.timeouts = 0

    async def run(self, calls: Sequence[Call]) -> list[Output]:
        """The outputs in the order of the calls. Never raises, whatever a skill does; cancelling it ends all calls."""
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(self._answer(call, number), name=f"skill call {call.name[:64]}")
                for number, call in enumerate(calls)
            ]
        return [task.result() for task in running]

    def close(self) -> None:
        """Begin nothing more and wait for nothing. May be called twice."""
        self._closed = True
        self._pool.close()
        for task in self._running:
            task.cancel()

    async def _answer(self, call: Call, number: int) -> Output:
        self.calls += 1
        skill = self._registry.skills.get(call.name)
        if number >= MAX_CALLS:
            return self._failed(call, f"Not done: at most {MAX_CALLS} functions can be called at once.")
        if skill is None:
            meant = nearest(call.name, self._registry.skills)
            names = listed(self._registry.skills) or "none"
            return self._failed(
                call, f"There is no such function. {f'Perhaps {meant}?' if meant else f'There are: {names}.'}"
            )
        limit = skill.output_characters or self._output_characters
        try:
            value = await self._within_time(skill, skill.parameters.read(call.arguments))
            return Output(call.call_id, render(value, max(limit, 60)), wants_reply=skill.wants_reply)
        except ArgumentsError as error:
            return self._failed(call, f"Not done, the arguments are wrong: {cut(str(error), MAX_ERROR_CHARACTERS)}")
        except (SkillError, SpeakerdError) as error:
            return self._failed(call, f"It failed: {cut(str(error), MAX_ERROR_CHARACTERS)}")
        except _TooLateError:
            self.timeouts += 1
            return self._failed(call, "No answer came in time. It may or may not have been done.")
        except BusyError:
            return self._failed(call, "Not done: too many functions are still busy. Try again later.")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - someone else's code: told to the model and the journal
            # Not the message: it may hold what the user said.
            log.warning(
                "The skill %s failed: %s: %s",
                skill.name,
                place_of(error),
                type(error).__name__,
                extra=fields(event="SkillFailed", skill=skill.name),
            )
            return self._failed(call, f"It failed because of a fault in the function ({type(error).__name__}).")

    async def _within_time(self, skill: Skill, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
        """What the skill returns or raises. Raises _TooLateError, and then does not wait for it to end."""
        if self._closed or len(self._left_behind) >= MAX_LEFT_BEHIND:
            raise BusyError
        task = self._tasks.create_task(self._outcome(skill, arguments), name=f"skill {skill.name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        timeout_s = self._timeout_s if skill.timeout_s is None else skill.timeout_s
        try:
            done, _ = await asyncio.wait({task}, timeout=timeout_s)
        finally:
            if not task.done():
                task.cancel()
                self._left_behind.add(task)
                task.add_done_callback(self._left_behind.discard)
        if not done:
            log.warning(
                "The skill %s did not answer within %g s.",
                skill.name,
                timeout_s,
                extra=fields(event="SkillLate", skill=skill.name, timeout_s=timeout_s),
            )
            raise _TooLateError
        outcome = _Raised(RuntimeError("it cancelled itself")) if task.cancelled() else task.result()
        if isinstance(outcome, _Raised):
            raise outcome.error
        return outcome

    async def _outcome(self, skill: Skill, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
        """What the skill returns, or _Raised: an exception would end the daemon's own group of tasks."""
        try:
            if skill.is_async:
                return await skill.function(**arguments)
            value = await self._pool.call(skill.function, arguments)
            return await value if asyncio.iscoroutine(value) else value  # a coroutine function in a plain wrapper
        except (Exception, SystemExit) as error:  # noqa: BLE001 - handed on
            return _Raised(error)

    def _failed(self, call: Call, text: str) -> Output:
        self.failures += 1
        return Output(call.call_id, text, failed=True)

    def _on_bug(self, error: Exception) -> None:
        log.error("The pool of the skills failed.", exc_info=error, extra=fields(event="SkillsBroken"))


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class _TooLateError(Exception):
    pass


def place_of(error: BaseException) -> str:
    """`file.py:12`, the line of the last call that the traceback shows."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
