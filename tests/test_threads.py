"""Worker and Mailbox."""

from __future__ import annotations

import asyncio
import threading

from speakerd.threads import Mailbox, Worker


def unexpected(error: Exception) -> None:
    raise AssertionError from error


async def test_posts_from_threads_arrive_in_order_in_the_loop():
    here, got, done = threading.get_ident(), [], asyncio.Event()

    def handler(item: int) -> None:
        assert threading.get_ident() == here
        got.append(item)
        if item == 999:
            done.set()

    box = Mailbox(asyncio.get_running_loop(), handler, 2000, unexpected)
    poster = Worker("poster", lambda _: [box.post(n) for n in range(1000)] and None, lambda *_: None)
    poster.start()
    async with asyncio.timeout(5):
        await done.wait()
    assert got == list(range(1000))
    assert poster.join(1)


async def test_a_full_mailbox_drops_the_newest_and_counts():
    got: list[int] = []
    box = Mailbox(asyncio.get_running_loop(), got.append, 3, unexpected)
    assert [box.post(n) for n in range(5)] == [True, True, True, False, False]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert got == [0, 1, 2]
    assert box.dropped == 2
    assert box.post(7)


async def test_a_handler_that_raises_is_reported_and_costs_only_its_item():
    got: list[float] = []
    errors: list[Exception] = []
    box: Mailbox[int] = Mailbox(asyncio.get_running_loop(), lambda n: got.append(6 / n), 9, errors.append)
    for n in (1, 0, 2):
        box.post(n)
    await asyncio.sleep(0.01)
    assert got == [6.0, 3.0]
    assert [type(error) for error in errors] == [ZeroDivisionError]


async def test_a_closed_mailbox_handles_nothing_more():
    got: list[int] = []

    def handler(item: int) -> None:
        got.append(item)
        if item == 1:
            box.close()

    box = Mailbox(asyncio.get_running_loop(), handler, 9, unexpected)
    for n in range(4):
        assert box.post(n)
    await asyncio.sleep(0.01)
    assert got == [0, 1]
    assert not box.post(5)
    early = Mailbox(asyncio.get_running_loop(), handler, 9, unexpected)
    early.post(7)
    early.close()
    await asyncio.sleep(0.01)
    assert got == [0, 1]


def test_a_post_to_a_closed_loop_is_refused():
    loop = asyncio.new_event_loop()
    box = Mailbox(loop, print, 3, unexpected)
    loop.close()
    assert not box.post(1)


def test_a_worker_that_dies_says_of_what():
    died = []

    def run(_worker: Worker) -> None:
        raise ValueError("x")

    worker = Worker("w", run, lambda name, error: died.append((name, str(error))))
    worker.start()
    assert worker.join(1)
    assert died == [("w", "x")]


def test_a_worker_ends_when_told():
    worker = Worker("w", lambda me: me.pause(10) and None, lambda *_: None)
    worker.start()
    worker.stop()
    assert worker.join(1)
    assert worker.stopping


def test_a_worker_that_never_started_is_no_obstacle():
    assert Worker("w", lambda _: None, lambda *_: None).join(0.1)
