"""Pitfalls that only the whole daemon can fall into, on a real socket: see docs/pitfalls.md."""

from __future__ import annotations

import ast
import fnmatch
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from support.pretend_card import SPEAKER_HZ, PretendCard
from support.scripted_server import ScriptedServer, sound_at

from speakerd.demo.daemon import Daemon
from speakerd.demo.play import say

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "pitfalls.md"
CONFIG = """\
realtime: {{url: "{url}"}}
conversation: {{silence_timeout_s: 1.0}}
"""

needs_flite = pytest.mark.skipif(not shutil.which("flite"), reason="needs flite for the user's voice")


@contextmanager
def conversation(folder: Path, **environment: str) -> Iterator[tuple[PretendCard, ScriptedServer, Daemon]]:
    """A daemon whose wake word was just heard; at the end it must stop in good order."""
    with ExitStack() as stack:
        server = stack.enter_context(ScriptedServer())
        card = PretendCard(folder / "card")
        stack.callback(card.close)
        daemon = Daemon(card, folder, CONFIG.format(url=server.url), {**card.env, **environment}, card.program)
        daemon.start()
        stack.callback(lambda: daemon.exit_status is None and daemon.stop())
        assert daemon.wait("Ready", timeout_s=20), daemon.log_path.read_text()
        card.say(say("Hey Jarvis.")[0])
        assert daemon.wait("StateChanged", state="LISTENING"), daemon.log_path.read_text()
        yield card, server, daemon
        assert daemon.stop() == 0


def heard_s(card: PretendCard, from_s: float, until_s: float) -> float:
    """How long something sounded."""
    return float(np.count_nonzero(np.abs(card.heard(from_s, until_s)) > 50) / SPEAKER_HZ)


@needs_flite
def test_11_speech_while_nothing_plays_interrupts_nothing(tmp_path):
    with conversation(tmp_path) as (_card, server, daemon):
        server.user_turn()  # we ask for the answer to the first turn; the server gives those to the others by itself
        server.answer(sound_at(0.5, seed=3))
        first = daemon.wait("StateChanged", state="SPEAKING")
        assert first
        first = daemon.wait("StateChanged", since_s=first["t"], state="LISTENING")
        assert first
        for _ in range(3):
            server.user_turn()
        server.answer(sound_at(0.5))
        speaking = daemon.wait("StateChanged", since_s=first["t"], state="SPEAKING")
        assert speaking
        listening = daemon.wait("StateChanged", since_s=speaking["t"], state="LISTENING")
        assert listening
        server.send("input_audio_buffer.speech_started", audio_start_ms=0, item_id="user_2")
        assert daemon.wait("UserSpeechStarted", since_s=listening["t"])
        server.user_turn()
        server.answer(sound_at(0.5, seed=2))
        assert daemon.wait("StateChanged", since_s=listening["t"], state="SPEAKING")
        assert daemon.wait("StateChanged", state="IDLE")
        for kind in ("response.cancel", "conversation.item.truncate", "conversation.item.delete"):
            assert not server.heard.of_type(kind)
        assert all(not event["items"] for event in daemon.events if event["event"] == "PlayoutFlushed")


@needs_flite
def test_12_without_echo_cancellation_talking_over_the_reply_cuts_nothing(tmp_path):
    with conversation(tmp_path, SPEAKERD_AUDIO__ECHO_CANCELLATION="false") as (card, server, daemon):
        server.user_turn()
        server.answer(sound_at(4.5))
        speaking = daemon.wait("StateChanged", state="SPEAKING")
        assert speaking
        sent = len(server.heard.audio)
        card.say(np.concatenate([np.zeros(16_000, np.int16), say("No, that is not what I meant.")[0]]))
        over = daemon.wait("StateChanged", since_s=speaking["t"] + 0.1)
        assert (over["state"], over["from"]) == ("LISTENING", "SPEAKING")
        assert heard_s(card, speaking["t"] - 0.2, over["t"] + 0.2) == pytest.approx(4.5, abs=0.3)
        assert not server.heard.of_type("response.cancel")
        assert not daemon.find("BargeInDetected")
        assert len([t for t, _ in server.heard.audio[sent:] if t < over["t"] - 0.1]) <= 2, "its own voice was sent"


@needs_flite
def test_17_the_last_word_is_heard_before_the_session_closes(tmp_path):
    with conversation(tmp_path) as (card, server, daemon):
        server.user_turn()
        server.answer(sound_at(2.0), speed=50.0, calls=[("c1", "end_conversation", "{}")])
        speaking = daemon.wait("StateChanged", state="SPEAKING")
        assert speaking
        idle = daemon.wait("StateChanged", state="IDLE")
        assert idle
        assert daemon.find("ResponseEnded")["t"] < idle["t"] - 1.5, "all of it had come long before"
        assert server.wait_for(lambda: server.heard.closed_s) >= speaking["t"] + 1.9
        assert heard_s(card, speaking["t"] - 0.2, idle["t"]) == pytest.approx(2.0, abs=0.2)


def test_the_page_names_tests_that_exist():
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]*) \| [^|]* \|$", PAGE.read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 21))
    for number, cell in rows:
        names = re.findall(r"`([^`]+)`", cell)
        assert names, number
        for name in names:
            file, _, pattern = name.rpartition("::")
            if name.endswith(".py"):
                file, pattern = name, "test_*"
            path = (
                TESTS.parent / file if file.startswith("tests/") else TESTS / "realtime" / (file or "test_pitfalls.py")
            )
            assert fnmatch.filter(names_in(path), pattern), f"{number}: {name}"


def names_in(path: Path) -> list[str]:
    """Names of its tests."""
    found = ast.walk(ast.parse(path.read_text()))
    return [node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
