"""One call, later."""

from __future__ import annotations

import asyncio
import math

from speakerd.realtime.timer import Timer


async def test_it_calls_once():
    calls: list[float] = []
    loop = asyncio.get_running_loop()
    timer = Timer(lambda: calls.append(loop.time()))
    began_s = loop.time()
    timer.after(0.02)
    assert timer.armed
    await asyncio.sleep(0.06)
    assert len(calls) == 1
    assert calls[0] >= began_s + 0.02
    assert not timer.armed


async def test_what_it_was_set_to_before_counts_no_more():
    calls: list[None] = []
    timer = Timer(lambda: calls.append(None))
    timer.after(0.01)
    timer.after(math.inf)
    assert not timer.armed
    timer.after(0.01)
    timer.cancel()
    timer.cancel()
    await asyncio.sleep(0.03)
    assert calls == []


async def test_it_may_be_set_anew_in_its_own_call():
    calls: list[None] = []

    def call() -> None:
        calls.append(None)
        if len(calls) < 3:
            timer.at(asyncio.get_running_loop().time())

    timer = Timer(call)
    timer.after(0.0)
    await asyncio.sleep(0.02)
    assert len(calls) == 3
