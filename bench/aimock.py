"""Our side of the wire against `@copilotkit/aimock` of npm: what it can be made to do wrong, and what becomes of it.

    npm install --prefix FOLDER @copilotkit/aimock@1.43.0
    python -m bench.aimock FOLDER/node_modules/.bin/llmock

That server has no turn detection and no voice, so there is no daemon here: a link, and turns that are written. After
each fault another session must open and answer. Prints a markdown table; exit status 1 if something was not as wanted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from speakerd.config.model import Realtime  # noqa: E402
from speakerd.conversation import events as ev  # noqa: E402
from speakerd.realtime.link import Link  # noqa: E402
from speakerd.realtime.outputs import ResponseFailed, ToolsCalled  # noqa: E402
from speakerd.realtime.settings import session_settings  # noqa: E402
from speakerd.realtime.troubles import trouble_of  # noqa: E402

KEY = "sk-aimock-0123456789"
CLOCK = {"type": "function", "name": "clock", "description": "", "parameters": {"type": "object", "properties": {}}}
REALTIME = Realtime(connect_timeout_s=5.0, stall_timeout_s=5.0)
ERRORS = {
    "invalid_api_key": (401, "invalid_request_error"),
    "insufficient_quota": (429, "insufficient_quota"),
    "rate_limit_exceeded": (429, "requests"),
    "model_not_found": (404, "invalid_request_error"),
    "server_error": (500, "server_error"),
    "invalid_value": (400, "invalid_request_error"),
}
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": "Hello. How are you?"}},
    {
        "match": {"userMessage": "time", "turnIndex": 0},
        "response": {"toolCalls": [{"name": "clock", "arguments": "{}"}, {"name": "clock", "arguments": "{}"}]},
    },
    {"match": {"userMessage": "cut"}, "response": {"content": "a" * 400}, "latency": 20, "truncateAfterChunks": 3},
    {"match": {"userMessage": "drop"}, "response": {"content": "a" * 4000}, "latency": 20, "disconnectAfterMs": 150},
    *(
        {
            "match": {"userMessage": code},
            "response": {"status": status, "error": {"message": "m", "type": kind, "code": code}},
        }
        for code, (status, kind) in ERRORS.items()
    ),
]
CHAOS = ("drop", "malformed", "disconnect", "ratelimit")


class Talk:
    """A link, and what comes of it."""

    def __init__(self, url: str, key: str, tasks: asyncio.TaskGroup) -> None:
        self.outputs: asyncio.Queue[Any] = asyncio.Queue()
        self._number = 0
        settings = session_settings(REALTIME, tools=[CLOCK])
        put = self.outputs.put_nowait
        self.link = Link(REALTIME, url, settings, lambda: key, tasks, put, put)

    async def until(self, *kinds: type) -> Any:  # noqa: ANN401 - of any of the kinds
        """The next output of these kinds; None if there is none in 8 s."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(8):
                while not isinstance(output := await self.outputs.get(), kinds):
                    pass
                return output
        return None

    async def open(self) -> str:
        """A new session: empty, or why there is none."""
        self._number += 1
        self.link.open(self._number)
        while True:
            output = await self.until(ev.SessionReady, ev.SessionEnded)
            if output is None or output.session == self._number:
                return told(output) if not isinstance(output, ev.SessionReady) else ""

    async def ask(self, words: str) -> str:
        """What comes of a written turn, and of its calls."""
        session = self.link._seat.session
        assert session is not None
        session.remind([("user", words)])
        self.link.create_response()
        calls = 0
        while True:
            output = await self.until(ToolsCalled, ev.ResponseEnded, ev.SessionEnded, ResponseFailed)
            if isinstance(output, ToolsCalled):
                calls = len(output.calls)
                self.link.answer_tools(output.session, [(call.call_id, "It is ten.") for call in output.calls])
            elif isinstance(output, ev.ResponseEnded) and calls and output.status == "completed":
                return f"{calls} calls, answered together"
            elif not isinstance(output, ResponseFailed):
                return told(output)


def told(output: ev.ResponseEnded | ev.SessionEnded | None) -> str:
    """In a few words."""
    match output:
        case ev.ResponseEnded(error="", status=status):
            return status
        case ev.ResponseEnded(error=code):
            return f"response failed: {trouble_of(code)}"
        case ev.SessionEnded(error=code):
            return f"session ended: {trouble_of(code)}"
    return "nothing in 8 s"


@contextlib.asynccontextmanager
async def aimock(program: Path, *options: str, keys: str = "") -> AsyncIterator[int]:
    """Its port."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        fixtures = Path(folder) / "fixtures.json"
        fixtures.write_text(json.dumps({"fixtures": FIXTURES}))
        command = [str(program), "-p", str(port), "-f", str(fixtures), "--log-level", "silent", *options]
        env = {**os.environ, **({"AIMOCK_API_KEYS": keys} if keys else {})}
        child = await asyncio.create_subprocess_exec(*command, env=env, stdout=asyncio.subprocess.DEVNULL)
        try:
            async with asyncio.timeout(20):
                while True:
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                        writer.close()
                        break
                    await asyncio.sleep(0.1)
            yield port
        finally:
            child.terminate()
            await child.wait()


class Table:
    """Prints rows, and counts those that are not as wanted."""

    def __init__(self) -> None:
        self.wrong = 0
        print("| what it does | what becomes of it | the next session |\n|---|---|---|")

    def row(self, what: str, got: str, want: str, after: str = "") -> None:
        """One line; `after`: how the session behind it fared."""
        good = got == want and after in ("", "completed")
        self.wrong += not good
        print(f"| {what} | {got} | {after or '-'} |{'' if good else f' WANTED: {want}'}", flush=True)


async def play(program: Path) -> int:
    """All of it; how many rows were not as wanted."""
    table = Table()
    async with aimock(program) as port, asyncio.TaskGroup() as tasks:
        talk = Talk(f"ws://127.0.0.1:{port}/v1/realtime", "", tasks)
        for words, want in {
            "hello": "completed",
            "time": "2 calls, answered together",
            "cut": "session ended: connection_lost",
            "drop": "session ended: connection_lost",
            "what nobody wrote a fixture for": "response failed: refused_settings",
            "invalid_api_key": "session ended: key_refused",
            "insufficient_quota": "session ended: no_quota",
            "rate_limit_exceeded": "response failed: rate_limited",
            "model_not_found": "session ended: model_unknown",
            "server_error": "response failed: server_error",
            "invalid_value": "response failed: refused_settings",
        }.items():
            got = await talk.open() or await talk.ask(words)
            table.row(words, got, want, await talk.open() or await talk.ask("hello"))
        talk.link.stop()
        wrong = Talk(f"ws://127.0.0.1:{port}/v2/nothing", "", tasks)
        table.row("another path", await wrong.open(), "session ended: bad_address")
        wrong.link.stop()
    async with aimock(program, keys=KEY) as port, asyncio.TaskGroup() as tasks:
        for key, want in ((KEY, ""), ("sk-another", "session ended: key_refused")):
            talk = Talk(f"ws://127.0.0.1:{port}/v1/realtime", key, tasks)
            table.row(f"`AIMOCK_API_KEYS`, {'the right' if not want else 'another'} key", await talk.open(), want)
            talk.link.stop()
    for options in [*([f"--chaos-{name}", "1"] for name in CHAOS), ["--chaos-latency", "2000"], ["--strict"]]:
        async with aimock(program, *options) as port, asyncio.TaskGroup() as tasks:
            talk = Talk(f"ws://127.0.0.1:{port}/v1/realtime", "", tasks)
            words = "unwritten" if options == ["--strict"] else "hello"
            want = "session ended: refused_settings" if options == ["--strict"] else "completed"
            table.row(f"`{' '.join(options)}`", await talk.open() or await talk.ask(words), want)
            talk.link.stop()
    return table.wrong


def main() -> None:
    """Play and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, help="llmock, as that package installs it")
    sys.exit(1 if asyncio.run(play(parser.parse_args().program)) else 0)


if __name__ == "__main__":
    main()
