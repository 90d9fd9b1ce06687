"""The whole daemon ends: when told to, by a bug, and on what a human must mend."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest
from support.scripted_server import sound_at

from speakerd import app, parts
from speakerd.config.load import load
from speakerd.conversation.events import WakeDetected
from speakerd.daemon import run

pytestmark = pytest.mark.alsa


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_three_seconds_in_the_middle_of_a_reply(room, server, number):
    daemon = room.daemon_at(server.url)
    room.say("wake")
    assert daemon.wait("StateChanged", state="LISTENING")
    server.user_turn()
    server.answer(sound_at(5.0))
    assert daemon.wait("StateChanged", state="SPEAKING")
    asked_s = time.monotonic()
    assert daemon.stop(number) == 0
    assert time.monotonic() - asked_s < 3.0
    assert server.wait_for(lambda: server.heard.closed_s)


SLOW_NAMES = """\
import socket, time
def getaddrinfo(*_args, **_kwargs):
    print("looking it up", flush=True)
    time.sleep(30)
socket.getaddrinfo = getaddrinfo
"""


def test_a_name_that_is_still_looked_up_does_not_hold_up_the_end(room, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SLOW_NAMES)
    daemon = room.daemon("realtime: {url: wss://voice.invalid/v1}\n", PYTHONPATH=str(tmp_path))
    room.say("wake")
    assert daemon.wait("StateChanged", state="CONNECTING")
    until_s = time.monotonic() + 3
    while "looking it up" not in daemon.log_path.read_text() and time.monotonic() < until_s:
        time.sleep(0.02)
    asked_s = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - asked_s < 3.0
    assert daemon.find("StateChanged", state="IDLE")
    log = daemon.log_path.read_text()
    assert "looking it up" in log
    assert "leaked" not in log


def test_devices_that_hang_do_not_hold_up_the_end(room, sound_card):
    daemon = room.daemon("")
    try:
        for sink in ("speakerd_mic_in", "speakerd_speaker"):
            sound_card.pactl("suspend-sink", sink, "1")
        time.sleep(0.5)
        asked_s = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - asked_s < 3.0
    finally:
        for sink in ("speakerd_mic_in", "speakerd_speaker"):
            sound_card.pactl("suspend-sink", sink, "0")
    last = daemon.log_path.read_text().splitlines()[-1]
    assert last.endswith("did not end in time; it is left behind.")  # and nothing about leaks


def test_it_stops_at_once_while_idle(room):
    daemon = room.daemon("")
    asked_s = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - asked_s < 1.5
    assert "did not end in time" not in daemon.log_path.read_text()


@pytest.mark.parametrize(("what", "status", "sentence"), [
    ("wake", 78, "model"),
    ("events", 1, "speakerd: --events "),
])  # fmt: skip
def test_what_the_human_must_mend_is_a_sentence_not_a_traceback(tmp_path, what, status, sentence):
    model = tmp_path / "broken.tflite"
    model.write_bytes(b"TFL3?")
    config = tmp_path / "speakerd.yaml"
    config.write_text(f"wake: {{words: [{{model: {model}}}]}}\n" if what == "wake" else "")
    events = tmp_path / ("nowhere/events.jsonl" if what == "events" else "events.jsonl")
    command = [sys.executable, "-m", "speakerd", "run", "--config", str(config), "--events", str(events)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert sentence in done.stderr


def test_a_thread_that_dies_ends_the_daemon_with_what_it_died_of(sound_card, monkeypatch, caplog):
    def die(*_arguments: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(app.FrontEnd, "process", die)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        asyncio.run(run(_settings("embedded"), None, None))
    assert "The thread frontend died: a bug" in caplog.text


@pytest.mark.parametrize("where", ["a handler", "a timer"])
def test_a_bug_in_the_loop_ends_the_daemon_with_its_traceback(sound_card, monkeypatch, where):
    def die(_self: object, *_arguments: object) -> None:
        raise ZeroDivisionError("a bug")

    def set_timer(self: object, _frames: object) -> None:
        asyncio.get_running_loop().call_later(0.01, die, self)

    monkeypatch.setattr(app.Switchboard, "take_frames", die if where == "a handler" else set_timer)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        asyncio.run(run(_settings("embedded"), None, None))


def test_a_wake_word_heard_while_stopping_begins_nothing(sound_card, server, monkeypatch, tmp_path):
    """The last frames before the end may hold one."""
    join = app.Listener.join

    def hear_and_join(self: app.Listener, timeout_s: float) -> bool:
        self._post_event(WakeDetected("w", 0.9, 100))
        return join(self, timeout_s)

    monkeypatch.setattr(app.Listener, "join", hear_and_join)

    async def serve_a_moment() -> None:
        asyncio.get_running_loop().call_later(1.0, os.kill, os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(run(_settings(server.url), None, tmp_path / "events.jsonl"), 8)

    asyncio.run(serve_a_moment())
    assert server.connections == []
    assert "WakeDetected" not in (tmp_path / "events.jsonl").read_text()


def _settings(url: str) -> app.Config:
    devices = {"CAPTURE_DEVICE": "speakerd_mic", "PLAYBACK_DEVICE": "speakerd_speaker"}
    return load(
        None, {"SPEAKERD_REALTIME__URL": url, **{f"SPEAKERD_AUDIO__{name}": value for name, value in devices.items()}}
    )


def test_the_longest_reply_that_is_allowed_has_room(sound_card, monkeypatch):
    made: list[float] = []

    class Playback(app.Playback):
        def __init__(self, *arguments: object, bound_s: float, **others: object) -> None:
            made.append(bound_s)
            raise ZeroDivisionError  # enough seen

    monkeypatch.setattr(parts, "Playback", Playback)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(run(_settings("ws://127.0.0.1:9"), None, None))
    assert made == [load(None, {}).conversation.max_reply_s + 30]
