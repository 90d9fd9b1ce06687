"""The whole daemon as a process: real voices, real ALSA (the virtual card), a real websocket."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from support.scripted_server import ScriptedServer, no_server, sound_at

from speakerd import app, parts
from speakerd.config.load import load
from speakerd.conversation.events import WakeDetected
from speakerd.demo.daemon import DEVICES, Daemon
from speakerd.demo.play import say
from speakerd.demo.recording import Recorder, Speech, speak
from speakerd.demo.soundcard import VirtualSoundCard
from speakerd.purse.ledger import read
from speakerd.purse.report import total

pytestmark = pytest.mark.alsa

SECRET = "sk-test-0123456789"


@pytest.fixture(scope="module")
def voice() -> dict[str, np.ndarray]:
    """What the user says: int16 mono 16 kHz."""
    return {
        "wake": say("Hey Jarvis.")[0],
        "question": say("Hey Jarvis, what time is it?")[0],
        "no": say("No, wait a moment, I would like something else.")[0],
        "hey": say("Hello, can you hear me?")[0],
    }


@pytest.fixture(autouse=True)
def _own_ledger(monkeypatch, tmp_path):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))


WARM_S = 2.6
"""Of playback: no interruption is heard in the first two seconds, in which the echo is learnt."""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


class Room:
    """The user's side; whatever was started in it ends with the test."""

    def __init__(self, card: VirtualSoundCard, folder: Path, voice: dict[str, np.ndarray], cleanup: ExitStack) -> None:
        self._card, self._folder, self._voice, self._cleanup = card, folder, voice, cleanup

    def daemon(self, config: str, **environment: str) -> Daemon:
        """A daemon that is ready."""
        daemon = self.bare_daemon(config, **environment)
        assert daemon.wait("Ready", timeout_s=20), daemon.log_path.read_text()
        return daemon

    def bare_daemon(self, config: str, **environment: str) -> Daemon:
        """A daemon that was started a moment ago."""
        daemon = Daemon(self._card, self._folder, config, {"OPENAI_API_KEY": SECRET, **environment})
        daemon.start()
        self._cleanup.callback(lambda: daemon.exit_status is None and daemon.stop())
        return daemon

    def daemon_at(self, url: str) -> Daemon:
        """A daemon that is ready and uses this server."""
        return self.daemon(f'realtime: {{url: "{url}"}}\nconversation: {{silence_timeout_s: 1.5}}\n')

    def say(self, line: str) -> Speech:
        """Speak into the microphone; returns at once."""
        speech = speak(self._card, self._voice[line], 16_000)
        self._cleanup.callback(speech.stop)
        return speech

    def echo(self) -> None:
        """From now on the microphone hears the loudspeaker."""
        self._card.loop(40, -20)
        self._cleanup.callback(self._card.noloop)

    def record(self) -> Recorder:
        """Record the loudspeaker from now on."""
        recorder = Recorder(self._card, "speaker")
        recorder.start()
        self._cleanup.callback(recorder.stop)
        return recorder


@pytest.fixture
def room(sound_card, voice, tmp_path) -> Iterator[Room]:
    with ExitStack() as cleanup:
        yield Room(sound_card, tmp_path, voice, cleanup)


def test_a_conversation_with_an_interruption(room, server):
    room.echo()
    daemon = room.daemon_at(server.url)
    recorder = room.record()
    assert server.connections == []

    room.say("question")
    assert daemon.wait("StateChanged", state="LISTENING")
    server.wait_for(lambda: server.heard.samples.size > 24_000)  # held and live sound
    server.user_turn()
    item = server.answer(sound_at(15.0))
    assert daemon.wait("StateChanged", state="SPEAKING")
    time.sleep(WARM_S)

    before = server.heard.samples.size
    room.say("no")
    cut = daemon.wait("BargeInDetected", state="INTERRUPTED")
    assert cut
    server.wait_for(lambda: server.heard.samples.size > before + 12_000)
    assert not server.heard.of_type("response.cancel"), "nothing is thrown away before the server has heard words"
    server.user_turn()
    truncate = server.wait_for(lambda: server.heard.of_type("conversation.item.truncate"))[0][1]
    assert server.heard.of_type("response.cancel")[0][1]["response_id"] == "resp_1"
    assert truncate["item_id"] == item
    server.answer(np.zeros(0, np.int16))  # silence follows

    assert daemon.wait("StateChanged", state="IDLE")
    recording = recorder.stop()
    started_s = daemon.find("PlayoutStarted")["t"] - 0.02
    began_s = next(t for t in np.arange(started_s, cut["t"], 0.005) if np.any(recording.between(t, t + 0.005)))
    heard_ms = (cut["t"] - began_s) * 1000
    assert truncate["audio_end_ms"] == pytest.approx(heard_ms + 50, abs=100)  # exact figures: bench/conversation.py
    assert not np.any(recording.between(cut["t"] + 0.15, cut["t"] + 0.5))
    assert server.heard.errors == []
    assert daemon.stop() == 0

    # The wake word, the question and the interruption reached the server; nothing before or after.
    assert server.heard.connected_s >= daemon.find("WakeDetected")["t"] - 0.01
    idle_s = daemon.find("StateChanged", state="IDLE")["t"]
    assert all(t <= idle_s + 0.05 for t, _ in server.heard.audio)
    assert SECRET not in daemon.log_path.read_text() + daemon.events_path.read_text()


def test_a_noise_costs_two_seconds_and_not_a_word_of_the_reply(room, server):
    room.echo()
    daemon = room.daemon_at(server.url)
    recorder = room.record()
    room.say("wake")
    assert daemon.wait("StateChanged", state="LISTENING")
    server.user_turn()
    reply = sound_at(6.0)
    server.answer(reply)
    assert daemon.wait("StateChanged", state="SPEAKING")
    time.sleep(WARM_S)

    room.say("hey")  # the server does not take it for speech
    paused = daemon.wait("StateChanged", state="INTERRUPTED")
    assert paused
    resumed = daemon.wait("StateChanged", since_s=paused["t"], state="SPEAKING")
    assert resumed
    assert resumed["t"] - paused["t"] == pytest.approx(2.0, abs=0.2)
    assert daemon.wait("StateChanged", state="IDLE")
    recording = recorder.stop()
    assert not np.any(recording.between(paused["t"] + 0.15, resumed["t"] - 0.05))
    sound = np.concatenate(
        [recording.between(paused["t"] - 10.0, paused["t"] + 0.15), recording.between(resumed["t"], resumed["t"] + 8.0)]
    )
    lost = losses(sound, reply)
    assert all(length_s <= 0.2 for _, length_s in lost), f"lost: {lost}"  # the pause falls into one tenth, or two
    assert not server.heard.of_type("response.cancel")
    assert not server.heard.of_type("conversation.item.truncate")
    assert daemon.stop() == 0


def losses(sound: np.ndarray, reply: np.ndarray) -> list[tuple[float, float]]:
    """What of `reply` (24 kHz) is nowhere in `sound` (48 kHz): where and how much, in s, by tenths of a second.

    One tenth by itself may be a stutter of the virtual sound card, which a busy machine brings; a word is longer.
    """
    heard = sound[::2].astype(float)
    size = 1 << (heard.size + 2_400).bit_length()
    spectrum = np.fft.rfft(heard, size)
    lost: list[tuple[float, float]] = []
    for tenth in range(reply.size // 2_400):
        clip = reply[2_400 * tenth :][:2_400].astype(float)
        match = np.fft.irfft(spectrum * np.conj(np.fft.rfft(clip, size)), size)
        here = heard[int(np.argmax(match[: heard.size - clip.size + 1])) :][: clip.size]
        if float(np.dot(here, clip)) >= 0.9 * float(np.linalg.norm(here) * np.linalg.norm(clip)):
            continue
        start_s, length_s = lost.pop() if lost and round(sum(lost[-1]) * 10) == tenth else (tenth / 10, 0.0)
        lost.append((start_s, round(length_s + 0.1, 1)))
    return lost


def test_no_server_is_told_in_sound_and_words_and_the_next_wake_works(room, tmp_path):
    room.echo()
    with no_server() as url:
        daemon = room.daemon(f'realtime: {{url: "{url}"}}\nsounds: {{notice_pause_s: 0}}\n')
        recorder = room.record()
        room.say("wake").wait()
        ended = daemon.wait("SessionEnded")
        assert ended["error"] == "connection_refused"
        said = daemon.wait("PlayoutDrained", since_s=ended["t"])
        time.sleep(0.3)
        sound = recorder.stop()
        assert np.any(sound.between(ended["t"], ended["t"] + 0.4)), "the error sound"
        [notice] = spoken(tmp_path)
        assert likeness(sound.between(ended["t"], said["t"] + 0.3), notice) > 0.8

        room.say("wake").wait()
        again = daemon.wait("SessionEnded", since_s=said["t"])
        assert again
        assert daemon.wait("PlayoutStarted", since_s=again["t"])
        time.sleep(0.3)
        room.say("wake")  # while the notice is being said for the second time
        woken = daemon.wait("WakeDetected", since_s=again["t"])
        assert woken
        assert daemon.wait("PlayoutFlushed", since_s=woken["t"] - 0.1)
        assert daemon.stop() == 0
    assert "check realtime.url" in daemon.log_path.read_text()


def test_a_reply_that_a_lost_connection_cut_is_told_in_sound_and_the_next_wake_works(room, server, tmp_path):
    daemon = room.daemon_at(server.url)
    recorder = room.record()
    room.say("wake")
    assert daemon.wait("StateChanged", state="LISTENING")
    server.user_turn()
    server.answer(sound_at(5.0))
    assert daemon.wait("StateChanged", state="SPEAKING")
    server.drop()
    lost = daemon.wait("SessionEnded")
    assert lost["error"] == "connection_lost"
    assert lost["state"] == "IDLE"
    said = daemon.wait("PlayoutDrained", since_s=lost["t"] + 1.0)
    assert said
    time.sleep(0.3)
    sound = recorder.stop()
    assert np.any(sound.between(lost["t"] + 0.2, lost["t"] + 0.5)), "the error sound"
    assert not np.any(sound.between(lost["t"] + 0.9, lost["t"] + 1.2)), "the rest of the reply is not played"
    [notice] = spoken(tmp_path)
    assert likeness(sound.between(lost["t"] + 1.0, said["t"] + 0.3), notice) > 0.8
    room.say("wake")
    assert daemon.wait("StateChanged", since_s=lost["t"] + 0.5, state="LISTENING")
    assert daemon.stop() == 0


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
        asyncio.run(app.run(_settings("embedded"), None, None))
    assert "The thread frontend died: a bug" in caplog.text


@pytest.mark.parametrize("where", ["a handler", "a timer"])
def test_a_bug_in_the_loop_ends_the_daemon_with_its_traceback(sound_card, monkeypatch, where):
    def die(_self: object, *_arguments: object) -> None:
        raise ZeroDivisionError("a bug")

    def set_timer(self: object, _frames: object) -> None:
        asyncio.get_running_loop().call_later(0.01, die, self)

    monkeypatch.setattr(app.Switchboard, "take_frames", die if where == "a handler" else set_timer)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        asyncio.run(app.run(_settings("embedded"), None, None))


def test_a_wake_word_heard_while_stopping_begins_nothing(sound_card, server, monkeypatch, tmp_path):
    """The last frames before the end may hold one."""
    join = app.Listener.join

    def hear_and_join(self: app.Listener, timeout_s: float) -> bool:
        self._post_event(WakeDetected("w", 0.9, 100))
        return join(self, timeout_s)

    monkeypatch.setattr(app.Listener, "join", hear_and_join)

    async def serve_a_moment() -> None:
        asyncio.get_running_loop().call_later(1.0, os.kill, os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(app.run(_settings(server.url), None, tmp_path / "events.jsonl"), 8)

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
        asyncio.run(app.run(_settings("ws://127.0.0.1:9"), None, None))
    assert made == [load(None, {}).conversation.max_reply_s + 30]


def test_a_full_disk_costs_the_events_and_not_the_conversation(sound_card, server, tmp_path):
    config = tmp_path / "speakerd.yaml"
    config.write_text(f'{DEVICES}realtime: {{url: "{server.url}"}}\n')
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "speakerd", "run", "--config", str(config), "--events", "/dev/full"],
            env={**os.environ, **sound_card.env}, stdin=subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip
        try:
            until_s = time.monotonic() + 20
            while "Ready" not in log.read_text() and time.monotonic() < until_s and daemon.poll() is None:
                time.sleep(0.02)
            time.sleep(0.3)
            assert daemon.poll() is None, log.read_text()
            daemon.terminate()
            assert daemon.wait(5) == 0
        finally:
            daemon.kill()
            daemon.wait()
    assert log.read_text().count("Events are lost") == 1


def test_words_said_while_the_server_is_slow_are_not_lost(room, voice):
    with ScriptedServer(connect_delay_s=2.0) as server:
        daemon = room.daemon_at(server.url)
        room.say("question")
        assert daemon.wait("StateChanged", state="LISTENING")
        server.wait_for(lambda: server.heard.samples.size > 2.5 * 24_000)
        received = server.heard.samples.astype(float)
        assert daemon.stop() == 0
    words = voice["question"][-16_000:]  # "what time is it?", well after the wake word
    clip = np.interp(np.arange(0, words.size, 2 / 3), np.arange(words.size), words)
    size = 1 << (clip.size + received.size).bit_length()
    match = np.fft.irfft(np.fft.rfft(received, size) * np.conj(np.fft.rfft(clip, size)), size)
    at = int(np.argmax(match[: received.size]))
    here = received[at : at + clip.size]
    assert np.dot(here, clip) / np.linalg.norm(here) / np.linalg.norm(clip) > 0.9


def test_a_loudspeaker_that_is_not_there_does_not_stop_the_conversation(room, server):
    daemon = room.daemon(f'realtime: {{url: "{server.url}"}}\n', SPEAKERD_AUDIO__PLAYBACK_DEVICE="nowhere")
    room.say("wake")
    assert daemon.wait("StateChanged", state="LISTENING")
    assert daemon.stop() == 0
    assert "The loudspeaker does not work: nowhere" in daemon.log_path.read_text()


def test_the_events_file_holds_a_json_object_a_line_and_no_words(room, server):
    daemon = room.daemon_at(server.url)
    room.say("wake")
    assert daemon.wait("StateChanged", state="LISTENING")
    server.send("response.output_audio_transcript.done", response_id="r", item_id="i", transcript="tell nobody")
    assert daemon.wait("StateChanged", state="IDLE")
    assert daemon.stop() == 0
    lines = [json.loads(line) for line in daemon.events_path.read_text().splitlines()]
    assert all(isinstance(line["t"], float) and isinstance(line["event"], str) for line in lines)
    lines = [line for line in lines if line["event"] != "Told"]  # those are the journal's
    assert [line["event"] for line in lines[:4]] == ["Ready", "WakeDetected", "StateChanged", "SessionReady"]
    assert all(isinstance(line["state"], str) for line in lines)
    assert 0.5 <= lines[1]["score"] <= 1.0
    assert "tell nobody" not in daemon.events_path.read_text() + daemon.log_path.read_text()


def outputs(server: ScriptedServer) -> list[str]:
    """What functions gave, as the server heard it."""
    items = [message["item"] for _, message in server.heard.of_type("conversation.item.create")]
    return [item["output"] for item in items if item["type"] == "function_call_output"]


def test_the_assistant_tells_the_time_and_parts_after_its_goodbye(room, server):
    daemon = room.daemon_at(server.url)
    recorder = room.record()
    room.say("wake")
    assert daemon.wait("StateChanged", state="LISTENING")
    session = server.heard.of_type("session.update")[0][1]["session"]
    assert {"time_and_date", "end_conversation", "set_volume", "what_did_it_cost"} <= {
        t["name"] for t in session["tools"]
    }

    server.user_turn()
    server.answer(np.zeros(0, np.int16), calls=[("c1", "time_and_date", "{}"), ("c2", "time_and_date", "{}")])
    asked_s, _ = server.wait_for(lambda: server.heard.of_type("response.create")[1:])[0]  # the first is of the question
    assert len(outputs(server)) == 2
    assert all("UTC" in text for text in outputs(server))
    server.answer(sound_at(1.0))
    told = daemon.wait("StateChanged", state="SPEAKING")
    thought_s = daemon.find("StateChanged", state="THINKING")["t"]
    assert thought_s < asked_s < told["t"]
    assert not [e for e in daemon.events if e["event"] == "StateChanged" and thought_s < e["t"] < told["t"]], "it waits"

    again = daemon.wait("StateChanged", since_s=told["t"], state="LISTENING")
    server.user_turn()
    server.answer(sound_at(1.5, seed=2), calls=[("c3", "end_conversation", "{}")])
    assert daemon.wait("StateChanged", since_s=again["t"], state="IDLE")
    parted = daemon.find("StopRequested", reason="goodbye")
    assert parted["t"] >= daemon.find("PlayoutDrained", since_s=again["t"])["t"]
    assert len(server.heard.of_type("response.create")) == 2, "nothing more is to be said"
    assert not server.heard.of_type("conversation.item.truncate")
    goodbye = recorder.stop().between(again["t"], parted["t"])
    assert all(length_s < 0.2 for _, length_s in losses(goodbye, sound_at(1.5, seed=2)))
    assert daemon.stop() == 0
    assert "The assistant calls time_and_date, time_and_date." in daemon.log_path.read_text()


USAGE = {
    "input_tokens": 1_000,
    "input_token_details": {"text_tokens": 900, "audio_tokens": 100, "cached_tokens": 0},
    "output_tokens": 200,
    "output_token_details": {"text_tokens": 50, "audio_tokens": 150},
}


def likeness(sound: np.ndarray, clip: np.ndarray) -> float:
    """How like the loudness of `clip` (24 kHz) that of `sound` (48 kHz) is over time, at the likeliest place, to 1.

    Other notices come to 0.68 at most. Of loudness, because a stutter of the virtual card on a busy machine shifts
    every sample after it.
    """
    heard, words = loudness(sound[::2]), loudness(clip)
    words -= words.mean()
    pieces = np.lib.stride_tricks.sliding_window_view(heard, words.size)
    pieces = pieces - pieces.mean(axis=1, keepdims=True)
    return float(np.max(pieces @ words / np.linalg.norm(words) / (np.linalg.norm(pieces, axis=1) + 1.0)))


def loudness(sound: np.ndarray) -> np.ndarray:
    """RMS of each 20 ms at 24 kHz."""
    blocks = sound[: sound.size // 480 * 480].reshape(-1, 480).astype(float)
    return np.sqrt((blocks**2).mean(axis=1))


def spoken(folder: Path) -> list[np.ndarray]:
    """The notices that were made: int16 mono 24 kHz."""
    return [np.frombuffer(path.read_bytes(), "<i2") for path in (folder / "cache" / "notices").glob("*.pcm")]


def test_when_the_money_is_spent_the_next_wake_is_refused_in_words_and_sound(room, server, tmp_path):
    daemon = room.daemon(
        f'realtime: {{url: "{server.url}"}}\n'
        "conversation: {silence_timeout_s: 1.0}\npurse: {limit_per_day_usd: 0.000001}\n"
    )
    room.say("wake").wait()
    assert daemon.wait("StateChanged", state="LISTENING")
    server.user_turn()
    server.answer(sound_at(0.5), usage=USAGE)
    over = daemon.wait("StateChanged", state="IDLE")
    recorder = room.record()
    time.sleep(7.5)
    [notice] = spoken(tmp_path)
    assert likeness(recorder.so_far().between(over["t"], over["t"] + 7.5), notice) > 0.8
    room.say("wake")
    refused = daemon.wait("WakeRefused", since_s=over["t"])
    time.sleep(0.7)
    assert np.any(recorder.stop().between(refused["t"], refused["t"] + 0.7)), "the error sound"
    assert daemon.stop() == 0
    assert len(server.connections) == 1
    assert not daemon.find("WakeDetected", since_s=over["t"] + 0.01)

    cost = "0.0047"  # 900 × 0.60 + 100 × 10 + 50 × 2.40 + 150 × 20 USD a million
    log = daemon.log_path.read_text()
    assert f"The conversation cost {cost} US dollars: 1000 tokens read, 200 written, " in log
    assert f"No conversation begins before midnight: {cost} US dollars were spent today" in log
    assert "purse.limit_per_day_usd is 0.000001." in log
    whole = total(read(tmp_path / "state" / "usage").entries)
    assert (str(whole.usd), whole.conversations, whole.responses) == ("0.00466", 1, 1)
    sent_bytes = sum(len(pcm) for _, pcm in server.heard.audio)
    assert whole.traffic.ms_up == pytest.approx(sent_bytes / 48, abs=1)
    assert whole.traffic.bytes_up > sent_bytes * 4 / 3
    assert 450 <= whole.traffic.ms_down <= 550
    assert whole.persona == "hey_jarvis"


def talk_about_pineapples(room, server, config: str) -> Daemon:
    """A conversation in which both sides say a word; the daemon afterwards, at its end."""
    daemon = room.daemon(
        f'realtime: {{url: "{server.url}"}}\nconversation: {{silence_timeout_s: 1.0}}\nlog: {{level: debug}}\n{config}'
    )
    room.say("wake").wait()
    assert daemon.wait("StateChanged", state="LISTENING")
    server.user_turn()
    spoken, told = "conversation.item.input_audio_transcription", "response.output_audio_transcript"
    server.send(f"{spoken}.delta", item_id="user_1", content_index=0, delta="A pineapple")
    server.send(f"{spoken}.completed", item_id="user_1", content_index=0, transcript="A pineapple?")
    server.answer(sound_at(0.3), calls=[("c1", "set_volume", '{"pineapple": 1}')])
    server.wait_for(lambda: server.heard.of_type("conversation.item.create"))
    item = server.answer(sound_at(0.3), speed=0.5)
    ids = {"response_id": "resp_2", "item_id": item, "output_index": 0, "content_index": 0}
    server.send(f"{told}.delta", **ids, delta="No pineapple")
    server.send(f"{told}.done", **ids, transcript="No pineapple today.")
    server.send("something.new", text="pineapple")
    assert daemon.wait("StateChanged", state="IDLE", timeout_s=20)
    assert daemon.stop() == 0
    return daemon


def test_not_a_word_is_written_anywhere_nor_asked_of_the_server(room, server, tmp_path):
    daemon = talk_about_pineapples(room, server, "")
    assert "transcription" not in server.heard.of_type("session.update")[0][1]["session"]["audio"]["input"]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pcm"]
    assert {daemon.log_path, daemon.events_path} <= set(files)
    assert [path for path in files if b"pineapple" in path.read_bytes()] == []


def test_what_was_said_is_written_where_it_is_asked_for(room, server):
    daemon = talk_about_pineapples(room, server, "transcripts: {events: true, journal: true, in_messages: true}\n")
    asked = server.heard.of_type("session.update")[0][1]["session"]["audio"]["input"]["transcription"]
    assert asked == {"model": "gpt-transcribe"}
    events = [json.loads(line) for line in daemon.events_path.read_text().splitlines()]
    assert [(e["event"], e["role"], e["text"]) for e in events if e["event"].startswith("Said")] == [
        ("SaidPartly", "user", "A pineapple"),
        ("Said", "user", "A pineapple?"),
        ("SaidPartly", "assistant", "No pineapple"),
        ("Said", "assistant", "No pineapple today."),
    ]
    assert "What the user said was written down: A pineapple?" in daemon.log_path.read_text()


def test_a_session_that_is_kept_warm_meets_the_wake_word_and_hears_nothing_before(room, server):
    daemon = room.daemon(
        f'realtime: {{url: "{server.url}", keep_warm: true}}\nconversation: {{silence_timeout_s: 1.0}}\n'
    )
    server.wait_for(lambda: server.connections and server.heard.of_type("session.update"))
    time.sleep(0.5)
    assert server.heard.audio == []
    room.say("wake")
    ready = daemon.wait("SessionReady")
    assert ready["wake_to_live_ms"] <= 50
    assert len(server.connections) == 1
    server.wait_for(lambda: server.heard.audio)
    assert daemon.wait("StateChanged", state="IDLE")
    server.wait_for(lambda: len(server.connections) == 2)
    assert daemon.stop() == 0
    assert server.heard.audio == []
