"""Real sockets: who is served, and that nobody does harm by being there."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from speakerd.service.ctl import door as module
from speakerd.service.ctl.caller import ForbiddenError, UnreachableError, ask
from speakerd.service.ctl.door import Caller, Door
from speakerd.service.ctl.words import MAX_LINE_BYTES, Command, Reply, Request
from speakerd.threads import Worker

STATUS = Request(Command.STATUS)


class House:
    """A door, and whom it let in."""

    def __init__(self, path: Path, tasks: asyncio.TaskGroup) -> None:
        self.path = path
        self.served: list[tuple[Request, Caller]] = []
        self.door = Door(path, self.serve, tasks)

    async def serve(self, request: Request, caller: Caller) -> Reply:
        self.served.append((request, caller))
        return Reply("Fine.", data={"n": len(self.served)})

    async def ask(self, request: Request = STATUS) -> Reply:
        return await asyncio.to_thread(ask, request, [self.path], 10.0)

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(5)
        connection.connect(str(self.path))
        return connection

    async def until_inside(self, count: int) -> None:
        """Wait until so many are inside."""
        for _ in range(300):
            if self.door._inside.total() == count:
                return
            await asyncio.sleep(0.01)
        raise TimeoutError

    async def exchange(self, data: bytes, *, end: bool = False) -> bytes:
        """What comes back until the door hangs up."""

        def talk() -> bytes:
            with self.connect() as connection:
                try:
                    connection.sendall(data)
                    if end:
                        connection.shutdown(socket.SHUT_WR)
                except BrokenPipeError:
                    pass
                answer = b""
                try:
                    while piece := connection.recv(65_536):
                        answer += piece
                except ConnectionResetError:
                    pass
                return answer

        return await asyncio.to_thread(talk)


@pytest.fixture
async def house(tmp_path):
    async with asyncio.TaskGroup() as tasks:
        house = House(tmp_path / "run" / "ctl", tasks)
        assert house.door.open() == ""
        yield house
        house.door.close()
        house.door.close()
    assert not house.path.exists()


async def test_a_request_is_served_and_the_kernel_says_who_asks(house):
    assert await house.ask(Request(Command.VOLUME, change=-3)) == Reply("Fine.", data={"n": 1})
    assert house.served == [(Request(Command.VOLUME, change=-3), Caller(os.getpid(), os.getuid()))]
    assert house.door.requests == 1


async def test_the_group_may_connect_and_others_may_not(house):
    assert stat.S_IMODE(house.path.stat().st_mode) == 0o660


async def test_a_line_without_a_line_feed_counts_when_the_caller_has_ended(house):
    assert json.loads(await house.exchange(b'{"command": "status"}', end=True))["ok"]


async def test_only_the_first_line_counts(house):
    answer = await house.exchange(STATUS.encode() * 20)
    assert answer.count(b"\n") == 1
    assert len(house.served) == 1


@pytest.mark.parametrize("garbage", [b"\x00\xff" * 100 + b"\n", b"GET / HTTP/1.1\r\n\r\n", b"[" * 5_000 + b"\n", b"\n"])
async def test_garbage_is_answered_with_an_error(house, garbage):
    answer = json.loads(await house.exchange(garbage))
    assert (answer["ok"], answer["error"]) == (False, "unclear")
    assert house.served == []
    assert (await house.ask()).ok


@pytest.mark.parametrize("size", [MAX_LINE_BYTES + 1, 10_000_000])
async def test_a_line_that_does_not_end_is_cut_off(house, size):
    answer = json.loads(await house.exchange(b"x" * size))
    assert "too long" in answer["told"]
    assert (await house.ask()).ok


async def test_a_held_socket_is_closed_and_keeps_nobody_out(house, monkeypatch):
    monkeypatch.setattr(module, "TIME_S", 0.4)
    with house.connect() as held:
        held.sendall(b'{"command"')
        assert (await house.ask()).ok, "meanwhile"
        answer = await asyncio.to_thread(held.recv, 1_000)
        assert json.loads(answer)["error"] == "too_slow"
        assert await asyncio.to_thread(held.recv, 1) == b""
    assert house.door._inside.total() == 0


async def test_a_trickle_does_not_put_the_time_off(house, monkeypatch):
    monkeypatch.setattr(module, "TIME_S", 0.3)

    def trickle(connection: socket.socket) -> float:
        began_s = time.monotonic()
        try:
            while time.monotonic() < began_s + 5:
                connection.sendall(b" ")
                time.sleep(0.02)
        except OSError:
            pass
        return time.monotonic() - began_s

    with house.connect() as held:
        assert await asyncio.to_thread(trickle, held) < 1.0


async def test_who_does_not_take_the_answer_is_let_go(house, monkeypatch):
    monkeypatch.setattr(module, "TIME_S", 0.3)

    async def much(_request: Request, _caller: Caller) -> Reply:
        return Reply("x" * 4_000_000)

    house.door._serve = much
    with house.connect() as deaf:
        deaf.sendall(STATUS.encode())
        await house.until_inside(1)
        await house.until_inside(0)


async def test_one_user_cannot_fill_the_house(house):
    with ExitStack() as held:
        for _ in range(module.MOST_OF_ONE):
            held.enter_context(house.connect())
        await house.until_inside(module.MOST_OF_ONE)
        refused = await house.ask()
        assert refused.error == "busy"
        assert house.door.turned_away == 1
    await house.until_inside(0)
    assert (await house.ask()).ok


@pytest.mark.parametrize(
    ("inside", "uid", "welcome"),
    [
        ({1: 3}, 1, True),
        ({1: 4}, 1, False),
        ({1: 4, 2: 4, 3: 4, 4: 3}, 5, True),
        ({1: 4, 2: 4, 3: 4, 4: 4}, 5, False),
        ({1: 4, 2: 4, 3: 4, 4: 4}, 0, True),
        ({1: 4, 2: 4, 3: 4, 4: 4, 0: 4}, 0, False),
        ({0: 4}, 5, True),
    ],
)
async def test_who_is_let_in(house, monkeypatch, inside, uid, welcome):
    monkeypatch.setattr(module, "_caller", lambda _connection: Caller(1, uid))
    house.door._inside.update(inside)
    assert (await house.ask()).ok is welcome


async def test_a_flood_is_let_in_no_faster_than_agreed_and_the_loop_goes_on(house):
    tries = [0, 0, 0]

    def flood(worker: Worker) -> None:
        number = int(worker.name)
        while not worker.stopping:
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                    connection.settimeout(0.05)
                    connection.connect(str(house.path))
                    connection.sendall(b"\xff" * 100 + b"\n")
            except OSError:
                time.sleep(0.001)
            tries[number] += 1

    threads = [Worker(str(number), flood, lambda *_: None) for number in range(len(tries))]
    for thread in threads:
        thread.start()
    began_s, latest_ms = time.monotonic(), 0.0
    try:
        while time.monotonic() < began_s + 1.5:
            before_s = time.monotonic()
            await asyncio.sleep(0.01)
            latest_ms = max(latest_ms, (time.monotonic() - before_s - 0.01) * 1000)
        asked_s = time.monotonic()
        reply = await asyncio.to_thread(ask, STATUS, [house.path], 10.0)
        print(f"answered in {time.monotonic() - asked_s:.2f} s; the loop late by {latest_ms:.0f} ms at most")
    finally:
        for thread in threads:
            thread.stop()
    for thread in threads:
        assert await asyncio.to_thread(thread.join, 5.0)
    assert sum(tries) > 200, "it was a flood"
    seconds = time.monotonic() - began_s
    let_in = house.door.requests + house.door.turned_away
    assert let_in <= module.BURST + module.RATE_HZ * seconds + module.BACKLOG
    assert reply.ok or reply.error == "busy"
    assert latest_ms < 200, "the loop's other work"


async def test_a_socket_that_a_dead_daemon_left_is_taken_over(tmp_path):
    path = tmp_path / "ctl"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    async with asyncio.TaskGroup() as tasks:
        house = House(path, tasks)
        assert house.door.open() == ""
        assert (await house.ask()).ok
        house.door.close()


async def test_a_socket_that_another_daemon_serves_is_left_alone(house):
    async with asyncio.TaskGroup() as tasks:
        other = House(house.path, tasks)
        assert other.door.open() == f"another daemon listens at {house.path}"
        other.door.close()
    assert (await house.ask()).ok


@pytest.mark.parametrize("name", ["missing/deeper/ctl", "n" * 120, "folder"])
async def test_where_no_socket_can_be_that_is_told(tmp_path, name):
    (tmp_path / "folder" / "full").mkdir(parents=True)
    async with asyncio.TaskGroup() as tasks:
        house = House(tmp_path / name, tasks)
        assert house.door.open().startswith(f"no socket at {tmp_path / name}: ")
        house.door.close()


async def test_closing_sends_those_away_who_are_inside(house):
    with house.connect() as held:
        await house.until_inside(1)
        house.door.close()
        assert await asyncio.to_thread(held.recv, 1) == b""


async def test_a_caller_tries_one_place_after_the_other(house, tmp_path):
    stale = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(stale))
    reply = await asyncio.to_thread(ask, STATUS, [tmp_path / "none", stale, house.path])
    assert reply.ok
    with pytest.raises(UnreachableError, match=r"no daemon answers at .*stale"):
        await asyncio.to_thread(ask, STATUS, [tmp_path / "none", stale])


async def test_a_daemon_that_says_nothing_is_given_up(tmp_path):
    path = tmp_path / "ctl"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mute:
        mute.bind(str(path))
        mute.listen(1)
        with pytest.raises(UnreachableError, match="gave no answer"):
            await asyncio.to_thread(ask, STATUS, [path], 0.3)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
async def test_who_is_not_of_the_group_is_told_so(house, tmp_path):
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder.stat().st_mode & 0o777 == 0o700:
            folder.chmod(0o711)
    house.path.parent.chmod(0o711)

    def as_somebody_else() -> str:
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            os.setgid(12_345)
            os.setuid(12_345)
            try:
                ask(STATUS, [house.path], 1.0)
                told = b"let in"
            except ForbiddenError as error:
                told = str(error).encode()
            except BaseException as error:  # noqa: BLE001 - the child must end here
                told = repr(error).encode()
            os.write(writer, told)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            told = pipe.read().decode()
        os.waitpid(child, 0)
        return told

    assert "join the group audio" in as_somebody_else()
    assert house.served == []
