"""The whole daemon when its service goes away and comes back: real voices, the virtual card, real ears."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.scripted_server import ScriptedServer, no_server, sound_at

from speakerd.config.model import Realtime, Server
from speakerd.conversation import events as ev
from speakerd.demo.daemon import Daemon
from speakerd.demo.play import say
from speakerd.demo.recording import Recorder, speak
from speakerd.purse.ledger import read
from speakerd.purse.report import rows
from speakerd.realtime.link import Link
from speakerd.realtime.outputs import StandingIn
from speakerd.realtime.settings import session_settings
from speakerd.server.ears import Ears
from speakerd.server.embedded import serve_embedded

TIME = re.compile(
    r"\d|clock|[ap]\.? ?m\b|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fif"
)
"""What small ears write down of a time of day."""

CONFIG = """\
realtime: {{url: "{url}", fallback: embedded}}
conversation: {{silence_timeout_s: 1.0}}
"""


@pytest.fixture
def status(monkeypatch, tmp_path) -> Iterator[Callable[[], list[str]]]:
    """What `systemctl status` would have shown so far."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        told: list[str] = []

        def read() -> list[str]:
            with contextlib.suppress(BlockingIOError):
                while True:
                    lines = listener.recv(65_536).decode().splitlines()
                    told.extend(line.removeprefix("STATUS=") for line in lines if line.startswith("STATUS="))
            return told

        yield read


@pytest.mark.alsa
@pytest.mark.timeout(120)
def test_a_speaker_without_its_service_answers_says_so_once_and_returns(sound_card, tmp_path, status):
    with no_server() as url:
        port = int(url.split(":")[2].split("/")[0])
    with contextlib.ExitStack() as stack:
        daemon = Daemon(sound_card, tmp_path, CONFIG.format(url=url), {"OPENAI_API_KEY": "sk-test-0123456789"})
        daemon.start()
        stack.callback(lambda: daemon.exit_status is None and daemon.stop())
        assert daemon.wait("Ready", timeout_s=20), daemon.log_path.read_text()
        ears = Ears()
        stack.callback(ears.close)

        def call(words: str) -> float:
            """Say it, again if it was not heard, as people do; when the wake word was detected."""
            for _ in range(3):
                began_s = time.monotonic()
                speak(sound_card, say(words)[0], 16_000).wait()
                if woken := daemon.wait("WakeDetected", since_s=began_s, timeout_s=2.0):
                    return float(woken["t"])
            raise AssertionError(daemon.log_path.read_text())

        def ask() -> tuple[float, str]:
            """Wake word and question in one breath; when that was, and what the loudspeaker said until silence."""
            recorder = Recorder(sound_card, "speaker")
            recorder.start()
            woken_s = call("Hey Jarvis, what time is it?")
            assert daemon.wait("StateChanged", since_s=woken_s + 0.01, timeout_s=40, state="IDLE")
            sound = recorder.stop()
            started = daemon.find("PlayoutStarted", since_s=woken_s)
            assert started, daemon.log_path.read_text()
            ended_s = daemon.events[-1]["t"]
            return woken_s, ears.transcribe(sound.between(started["t"] - 0.2, ended_s), 48_000).lower()

        first_s, words = ask()
        assert "reach" in words, words  # our ears are not perfect
        assert TIME.search(words), words
        away = daemon.find("StandingIn")
        assert away["t"] < daemon.find("SessionReady")["t"], "before the conversation begins"
        assert not daemon.find("SessionEnded", error="connection_refused"), "the conversation knows nothing of it"
        assert any("the embedded server answers: the server cannot be reached" in line for line in status())

        second_s, words = ask()
        assert "reach" not in words, "it was said"
        assert TIME.search(words), words
        log = daemon.log_path.read_text()
        assert "The embedded server answers: the server cannot be reached (connection_refused" in log
        told = len(status())

        with ScriptedServer(port) as server:
            third_s = call("Hey Jarvis.")
            assert daemon.wait("ServiceBack", since_s=third_s)
            assert daemon.wait("StateChanged", since_s=third_s, state="LISTENING")
            server.user_turn()
            server.answer(sound_at(0.5), usage=USAGE)
            assert daemon.wait("StateChanged", since_s=daemon.find("ServiceBack")["t"], state="IDLE", timeout_s=20)
            assert server.heard.samples.size > 0
        assert not any("embedded" in line for line in status()[told + 1 :]), "all is well again"
        assert daemon.stop() == 0

    free, free_too, paid = rows(read(tmp_path / "state" / "usage").entries, "conversation")
    assert first_s < second_s
    for one in (free, free_too):
        assert one.total.usd == 0
        assert one.total.responses == 1
        assert one.total.unpriced == 0
        assert (one.total.traffic.ms_up, one.total.traffic.bytes_up) == (0, 0), "nothing left this machine"
    assert paid.total.usd > 0
    assert paid.total.traffic.ms_up > 0


USAGE = {
    "input_tokens": 1_000,
    "input_token_details": {"text_tokens": 900, "audio_tokens": 100, "cached_tokens": 0},
    "output_tokens": 200,
    "output_token_details": {"text_tokens": 50, "audio_tokens": 150},
}


def test_what_it_would_need_to_stand_in_is_asked_for_at_the_start(tmp_path: Path):
    """Not in the night in which the network fails."""
    config = tmp_path / "speakerd.yaml"
    config.write_text("realtime: {fallback: embedded}\n")
    command = [sys.executable, "-m", "speakerd", "run", "--config", str(config)]
    environment = {"PATH": "/nowhere", "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 78, done.stderr
    assert "flite" in done.stderr


TOOLS = (
    {"type": "function", "name": "clock", "description": "The time.", "parameters": {"type": "object"}},
    {"type": "mcp", "server_label": "home", "server_url": "https://home.example/mcp", "authorization": "s3cret"},
)


async def test_the_embedded_server_agrees_to_whatever_session_the_service_would_get():
    realtime = Realtime(
        voice="cedar", noise_reduction="off", history_tokens=20_000, instructions="x" * 50_000,
        headers="OpenAI-Beta: realtime=v1\nOrigin: https://elsewhere.example", model="gpt-realtime-2.1",
        turn_detection={"threshold": 0.9, "prefix_padding_ms": 0, "silence_duration_ms": 1_500},
    )  # fmt: skip
    settings = session_settings(realtime, transcripts=True, tools=TOOLS, withhold=True)
    outputs: asyncio.Queue = asyncio.Queue()
    reports: list = []
    async with serve_embedded(Server(), warm=False) as ours, asyncio.TaskGroup() as tasks:
        with no_server() as url:
            link = Link(realtime, url, settings, lambda: None, tasks, outputs.put_nowait, reports.append, ours)
            link.open(1, 500)
            assert await asyncio.wait_for(outputs.get(), 5) == ev.SessionReady(1)
            assert link.standing_in
            assert isinstance(reports[0], StandingIn)
            link.close()
            assert await asyncio.wait_for(outputs.get(), 5) == ev.SessionEnded(1)
