"""Whatever dies ends the daemon, once, with what it died of."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import pytest

from speakerd.crashes import Crashes


def first_of(*happenings: Callable[[Crashes, asyncio.AbstractEventLoop], object]) -> BaseException | None:
    """What ends the daemon when all of this happens."""

    async def live() -> BaseException | None:
        loop = asyncio.get_running_loop()
        crashes = Crashes(loop)
        for happening in happenings:
            happening(crashes, loop)
        await asyncio.wait([crashes.first], timeout=0.2)
        return crashes.first.exception() if crashes.first.done() else None

    return asyncio.run(live())


def die() -> None:
    raise ZeroDivisionError("of a timer")


def in_thread(crashes: Crashes, _loop: object) -> None:
    thread = threading.Thread(target=crashes.report, args=("capture", ValueError("of a thread")))  # noqa: TID251
    thread.start()
    thread.join()


@pytest.mark.parametrize(("happening", "error"), [
    (in_thread, ValueError),
    (lambda crashes, _loop: crashes.take(KeyError("of a handler")), KeyError),
    (lambda _crashes, loop: loop.call_soon(die), ZeroDivisionError),
])  # fmt: skip
def test_it_ends_the_daemon(happening, error):
    assert isinstance(first_of(happening), error)


def test_the_first_counts_and_the_others_are_logged(caplog):
    assert isinstance(first_of(*[lambda c, _l, kind=kind: c.take(kind("x")) for kind in (KeyError, OSError)]), KeyError)
    assert [record.exc_info[0] for record in caplog.records] == [OSError]


def test_at_the_end_it_is_only_logged(caplog):
    assert first_of(lambda c, _l: c.close(), lambda c, _l: c.take(KeyError("late"))) is None
    assert "One more error at the end." in caplog.text


def test_what_the_loop_only_complains_about_ends_nothing(caplog):
    with caplog.at_level(logging.ERROR):
        assert first_of(lambda _c, loop: loop.call_exception_handler({"message": "a complaint"})) is None
    assert "a complaint" in caplog.text
