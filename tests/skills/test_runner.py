"""Calls of the model: good ones, and all that can go wrong with them."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
import time
from typing import Annotated

import pytest
from pydantic import AfterValidator

from speakerd.errors import DeviceError
from speakerd.skills import SkillError, skill
from speakerd.skills.pool import BusyError, Pool
from speakerd.skills.registry import Registry
from speakerd.skills.runner import MAX_CALLS, MAX_LEFT_BEHIND, MAX_THREADS, Call, Runner
from speakerd.skills.skill import Skill


class Bench:
    """A runner, its skills and the group of tasks that it lives in."""

    def __init__(self, tasks):
        self.tasks = tasks

    def runner(self, *functions, **options):
        return Runner(Registry(Skill.of(function) for function in functions), self.tasks, **options)

    async def one(self, function, arguments="{}", **options):
        (output,) = await self.runner(function, **options).run([Call("c1", function.__name__, arguments)])
        assert output.call_id == "c1"
        return output


@pytest.fixture
async def bench():
    async with asyncio.TaskGroup() as tasks:
        yield Bench(tasks)


async def test_a_plain_function_runs_in_a_thread_and_a_coroutine_in_the_loop(bench):
    def plain() -> str:
        """Tell."""
        return threading.current_thread().name

    async def waiting() -> str:
        """Tell."""
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert (await bench.one(plain)).text == "skill"
    assert (await bench.one(waiting)).text == "MainThread"


async def test_a_coroutine_function_in_a_plain_wrapper_is_waited_for(bench):
    async def waiting(word: str) -> str:
        """Tell."""
        await asyncio.sleep(0)
        return word

    @functools.wraps(waiting)
    def wrapper(**arguments):
        return waiting(**arguments)

    assert (await bench.one(wrapper, '{"word": "hello"}')).text == "hello"


async def test_parallel_calls_run_together_and_are_answered_in_order(bench):
    barrier = threading.Barrier(4, timeout=5)

    def meet(number: int) -> int:
        """Wait for the others."""
        barrier.wait()
        return number

    calls = [Call(f"c{number}", "meet", f'{{"number": {number}}}') for number in range(4)]
    outputs = await bench.runner(meet).run(calls)
    assert [(output.call_id, output.text, output.failed) for output in outputs] == [
        (f"c{number}", str(number), False) for number in range(4)
    ]


async def test_nothing_to_run(bench):
    assert await bench.runner().run([]) == []


async def test_the_model_is_told_what_it_did_wrong(bench):
    def set_volume(percent: int) -> None:
        """Set."""

    runner = bench.runner(set_volume)
    outputs = await runner.run(
        [
            Call("1", "set_volum", "{}"),
            Call("2", "play", "{}"),
            Call("3", "set_volume", '{"percent": "loud"}'),
            Call("4", "set_volume", "nonsense"),
            Call("5", "set_volume", '{"percent": 5}'),
        ]
    )
    assert [output.failed for output in outputs] == [True, True, True, True, False]
    assert outputs[0].text == "There is no such function. Perhaps set_volume?"
    assert outputs[1].text == "There is no such function. There are: set_volume."
    assert outputs[2].text.startswith("Not done, the arguments are wrong: percent: Input should be a valid integer")
    assert outputs[4].text == "Done."
    assert (runner.calls, runner.failures) == (5, 4)


async def test_without_skills_it_says_so(bench):
    (output,) = await bench.runner().run([Call("1", "x", "{}")])
    assert output.text == "There is no such function. There are: none."


def raising(error):
    def plain() -> None:
        """Fail."""
        raise error

    async def waiting() -> None:
        """Fail."""
        raise error

    return plain, waiting


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (SkillError("The lamp is unplugged."), "It failed: The lamp is unplugged."),
        (SkillError("x" * 10_000), "characters)"),
        (DeviceError("hw:1", "gone"), "It failed: hw:1: gone"),
        (ZeroDivisionError("secret words"), "It failed because of a fault in the function (ZeroDivisionError)."),
        (StopIteration(), "It failed because of a fault in the function (RuntimeError)."),
        (TimeoutError(), "It failed because of a fault in the function (TimeoutError)."),
        (asyncio.CancelledError(), "It failed because of a fault in the function (RuntimeError)."),
        (SystemExit(3), "It failed because of a fault in the function"),
    ],
)
async def test_failures_are_told_in_words(bench, error, text, caplog):
    for function in raising(error):
        output = await bench.one(function)
        assert output.failed
        assert output.wants_reply
        assert text in output.text
        assert len(output.text) < 400
    assert "secret words" not in caplog.text


def refuse(_value: int) -> int:
    raise LookupError("secret words")


async def test_a_fault_in_a_type_of_an_argument_is_told_like_one_in_the_function(bench, caplog):
    def switch(lamp: Annotated[int, AfterValidator(refuse)]) -> None:
        """Switch a lamp."""

    output = await bench.one(switch, '{"lamp": 1}')
    assert output.failed
    assert output.text == "It failed because of a fault in the function (LookupError)."
    assert "secret words" not in caplog.text


async def test_a_keyboard_interrupt_in_a_thread_ends_nothing(bench):
    plain, _ = raising(KeyboardInterrupt())
    assert "KeyboardInterrupt" not in (await bench.one(plain)).text


async def test_the_journal_names_file_and_line_of_the_fault(bench, caplog):
    def fault() -> float:
        """Divide."""
        return 1 / 0

    await bench.one(fault)
    line = fault.__code__.co_firstlineno + 2
    assert f"The skill fault failed: test_runner.py:{line}: ZeroDivisionError" in caplog.text


async def test_a_slow_coroutine_is_cut_off(bench):
    ended = asyncio.Event()

    async def slow() -> None:
        """Wait."""
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    output = await bench.one(slow, timeout_s=0.01)
    assert output.failed
    assert output.text == "No answer came in time. It may or may not have been done."
    async with asyncio.timeout(5):
        await ended.wait()


async def test_each_call_has_its_own_time(bench):
    release = threading.Event()

    @skill(timeout_s=0.01)
    def hung() -> None:
        """Hang."""
        release.wait(20)

    def quick() -> str:
        """Answer."""
        return "here"

    runner = bench.runner(hung, quick)
    began_s = time.monotonic()
    outputs = await runner.run([Call("1", "hung", "{}"), Call("2", "quick", "{}")])
    assert time.monotonic() - began_s < 5
    assert [output.failed for output in outputs] == [True, False]
    assert outputs[1].text == "here"
    assert runner.timeouts == 1
    release.set()


async def test_hung_threads_are_bounded_and_come_back(bench):
    release = threading.Event()

    @skill(timeout_s=0.01)
    def hung() -> None:
        """Hang."""
        release.wait(20)

    runner = bench.runner(hung)
    outputs = await runner.run([Call(str(number), "hung", "{}") for number in range(MAX_THREADS + 2)])
    assert [output.text[:12] for output in outputs[MAX_THREADS:]] == ["Not done: to"] * 2
    assert threading.active_count() <= MAX_THREADS + 5
    (output,) = await runner.run([Call("1", "hung", "{}")])
    assert "still busy" in output.text
    release.set()
    async with asyncio.timeout(5):
        while (await runner.run([Call("1", "hung", "{}")]))[0].failed:  # noqa: ASYNC110 - threads end when they end
            await asyncio.sleep(0.01)


async def test_coroutines_that_will_not_end_are_bounded(bench):
    release = asyncio.Event()

    @skill(timeout_s=0.001)
    async def stubborn() -> None:
        """Refuse to be cancelled."""
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:  # what a bad plug-in does
                continue

    runner = bench.runner(stubborn)
    outputs = [(await runner.run([Call("1", "stubborn", "{}")]))[0] for _ in range(MAX_LEFT_BEHIND + 1)]
    release.set()
    assert ["No answer came" in output.text for output in outputs] == [True] * MAX_LEFT_BEHIND + [False]
    assert "still busy" in outputs[-1].text


async def test_too_many_calls_at_once(bench):
    def quick() -> None:
        """Answer."""

    outputs = await bench.runner(quick).run([Call(str(n), "quick", "{}") for n in range(MAX_CALLS + 5)])
    assert sum("at most" in output.text for output in outputs) == 5


async def test_outputs_are_bounded(bench):
    @skill(output_characters=100)
    def short() -> str:
        """Tell a lot."""
        return "word " * 100_000

    def usual() -> list[int]:
        """Tell a lot."""
        return list(range(100_000))

    assert len((await bench.one(short)).text) == 100
    assert len((await bench.one(usual)).text) == 2_000
    assert len((await bench.one(usual, output_characters=300)).text) == 300


async def test_what_cannot_be_told_is_a_failure(bench):
    def circle() -> list[object]:
        """Go round."""
        items: list[object] = []
        items.append(items)
        return items

    assert "a fault in the function (ValueError)" in (await bench.one(circle)).text


async def test_a_skill_may_need_no_reply(bench):
    @skill(wants_reply=False)
    def quiet() -> None:
        """Say nothing."""

    assert not (await bench.one(quiet)).wants_reply


async def test_when_the_conversation_ends_the_calls_end(bench):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        """Wait."""
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    running = bench.tasks.create_task(bench.runner(slow).run([Call("1", "slow", "{}")]))
    async with asyncio.timeout(5):
        await begun.wait()
        running.cancel()
        await ended.wait()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_closing(bench):
    release = threading.Event()

    def hung() -> None:
        """Hang."""
        release.wait(20)

    runner = bench.runner(hung, timeout_s=0.01)
    await runner.run([Call("1", "hung", "{}")])
    runner.close()
    runner.close()
    release.set()
    assert (await runner.run([Call("1", "hung", "{}")]))[0].failed


async def test_closing_while_a_skill_runs_waits_for_nothing(bench):
    begun, release = asyncio.Event(), threading.Event()

    async def slow() -> None:
        """Wait."""
        begun.set()
        await asyncio.sleep(60)

    def hung() -> None:
        """Hang."""
        release.wait(20)

    runner = bench.runner(slow, hung, timeout_s=60)
    running = bench.tasks.create_task(runner.run([Call("1", "slow", "{}"), Call("2", "hung", "{}")]))
    async with asyncio.timeout(5):
        await begun.wait()
        runner.close()
        assert [output.failed for output in await running] == [True, True]
    release.set()


async def test_the_pool_alone():
    pool = Pool(asyncio.get_running_loop(), 1, on_error=sys.exit)
    assert await pool.call(lambda a: a + 1, {"a": 1}) == 2
    assert pool.running == 0
    release = threading.Event()
    first = asyncio.ensure_future(pool.call(release.wait, {"timeout": 20}))  # noqa: TID251 - a test has no group
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await pool.call(len, {})
    release.set()
    assert await first
