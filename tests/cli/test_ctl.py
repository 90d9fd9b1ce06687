"""`speakerd ctl` against a real door: what is asked, what is printed, which status it leaves with."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from speakerd.cli.ctl import command
from speakerd.service.ctl.door import Caller, Door
from speakerd.service.ctl.words import Command, Reply, Request
from speakerd.threads import Worker


class Daemon:
    """A door in a thread of its own, that says what it is told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reply = Reply("Done.\nWell.", data={"n": 1})
        self.asked: list[Request] = []
        self._ready = threading.Event()
        self._thread = Worker("daemon", lambda _: asyncio.run(self._main()), lambda *_: None)

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            door = Door(self.path, self._serve, tasks)
            assert door.open() == ""
            self._ready.set()
            await self._stop.wait()
            door.close()

    async def _serve(self, request: Request, _caller: Caller) -> Reply:
        self.asked.append(request)
        return self.reply

    def __enter__(self) -> Daemon:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        assert self._thread.join(5)


@pytest.fixture
def daemon(tmp_path) -> Iterator[Daemon]:
    with Daemon(tmp_path / "speakerd" / "ctl") as daemon:
        yield daemon


def ctl(daemon: Daemon, *words: str) -> Result:
    return CliRunner().invoke(command, words, env={"XDG_RUNTIME_DIR": str(daemon.path.parents[1])})


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        (("status",), Request(Command.STATUS)),
        (("wake",), Request(Command.WAKE)),
        (("wake", "alexa"), Request(Command.WAKE, word="alexa")),
        (("stop",), Request(Command.STOP)),
        (("mute",), Request(Command.MUTE)),
        (("unmute",), Request(Command.UNMUTE)),
        (("volume",), Request(Command.VOLUME)),
        (("volume", "40"), Request(Command.VOLUME, percent=40)),
        (("volume", "+5"), Request(Command.VOLUME, change=5)),
        (("volume", "-5"), Request(Command.VOLUME, change=-5)),
        (("say", "Dinner", "is ready."), Request(Command.SAY, text="Dinner is ready.")),
        (("say", "-5 degrees outside"), Request(Command.SAY, text="-5 degrees outside")),
        (("reload",), Request(Command.RELOAD)),
    ],
)
def test_every_command_asks_and_tells(daemon, words, request_):
    result = ctl(daemon, *words)
    assert (result.exit_code, result.output) == (0, "Done.\nWell.\n")
    assert daemon.asked == [request_]


def test_the_list_of_commands_is_not_cut_short():
    assert "..." not in CliRunner().invoke(command, ["--help"]).output.partition("Commands:")[2]


def test_every_command_there_is_can_be_asked():
    assert set(command.commands) == set(Command)


def test_json_is_the_answer_as_it_came(daemon):
    result = ctl(daemon, "volume", "--json", "-5")
    assert json.loads(result.output) == {"ok": True, "told": "Done.\nWell.", "n": 1}
    assert daemon.asked == [Request(Command.VOLUME, change=-5)]
    daemon.reply = Reply("No.", "muted")
    result = ctl(daemon, "wake", "--json")
    assert (result.exit_code, json.loads(result.output)["error"]) == (1, "muted")


@pytest.mark.parametrize(("error", "status"), [("muted", 1), ("busy", 1), ("bad_config", 78)])
def test_what_is_not_done_is_told_on_stderr(daemon, error, status):
    daemon.reply = Reply("Not now.", error)
    result = ctl(daemon, "wake")
    assert (result.exit_code, result.stdout, result.stderr) == (status, "", "Not now.\n")


@pytest.mark.parametrize(
    "words",
    [
        *(("volume", *level) for level in (("101",), ("x",), ("--5",), ("5", "6"))),
        *(("say", *text) for text in ((), ("",), ("x" * 501,))),
        ("dance",),
    ],
)
def test_wrong_usage_asks_nothing(daemon, words):
    assert ctl(daemon, *words).exit_code == 2
    assert daemon.asked == []


def test_a_wrong_volume_is_repeated(daemon):
    assert "found '101', expected 0 to 100" in " ".join(ctl(daemon, "volume", "101").output.split())


def test_without_a_daemon_that_is_told(tmp_path):
    for options in ((), ("--json",)):
        result = CliRunner().invoke(command, ["status", "--socket", str(tmp_path / "ctl"), *options])
        assert result.exit_code == 3
        assert f"no daemon answers at {tmp_path}/ctl" in result.output
    assert json.loads(result.output)["error"] == "unreachable"


def test_another_socket_can_be_named(daemon):
    result = CliRunner().invoke(command, ["stop", "--socket", str(daemon.path)], env={"XDG_RUNTIME_DIR": ""})
    assert result.exit_code == 0
