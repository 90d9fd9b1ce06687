"""`speakerd ctl` and the whole daemon: real sound, real processes, a real socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from support.scripted_server import ScriptedServer, sound_at

from speakerd.demo.daemon import Daemon
from speakerd.demo.play import say
from speakerd.demo.recording import Recorder, Recording, speak
from speakerd.speaker.earcons import synthesise

pytestmark = pytest.mark.alsa


@pytest.fixture(scope="module")
def wake_word() -> np.ndarray:
    """What the user says: int16 mono 16 kHz."""
    return say("Hey Jarvis.")[0]


class Room:
    """A daemon, its user, and somebody at a terminal."""

    def __init__(self, card, folder, word, cleanup: ExitStack, server: ScriptedServer) -> None:
        self.server = server
        self._card, self._folder, self._word, self._cleanup = card, folder, word, cleanup
        (folder / "run").mkdir()
        self._environment = {"RUNTIME_DIRECTORY": str(folder / "run")}

    def start(self) -> Daemon:
        config = f'realtime: {{url: "{self.server.url}", keep_warm: true}}\nconversation: {{silence_timeout_s: 1.5}}\n'
        self.daemon = Daemon(self._card, self._folder, config, {"OPENAI_API_KEY": "sk-test-1", **self._environment})
        self.daemon.start()
        daemon = self.daemon
        self._cleanup.callback(lambda: daemon.exit_status is None and daemon.stop())
        assert daemon.wait("Ready", timeout_s=20), daemon.log_path.read_text()
        return daemon

    def ctl(self, *words: str, status: int = 0) -> dict:
        """What the command answers."""
        command = [sys.executable, "-m", "speakerd", "ctl", words[0], "--json", *words[1:]]
        done = subprocess.run(
            command, env={**os.environ, **self._environment}, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == status, done
        return json.loads(done.stdout)

    def say_wake_word(self) -> None:
        speech = speak(self._card, self._word, 16_000)
        self._cleanup.callback(speech.stop)
        speech.wait()
        time.sleep(1.0)

    def call(self, daemon: Daemon) -> None:
        """Say the wake word until it is heard: on a busy machine one may be lost."""
        for _ in range(3):
            self.say_wake_word()
            if daemon.wait("StateChanged", state="LISTENING", timeout_s=3):
                return
        raise AssertionError(daemon.log_path.read_text())

    def record(self) -> Recorder:
        recorder = Recorder(self._card, "speaker")
        recorder.start()
        self._cleanup.callback(recorder.stop)
        return recorder


@pytest.fixture
def room(sound_card, wake_word, tmp_path) -> Iterator[Room]:
    with ScriptedServer() as server, ExitStack() as cleanup:
        yield Room(sound_card, tmp_path, wake_word, cleanup, server)


def heard_mute(recording: Recording) -> bool:
    """The sound that tells of it is in the recording."""
    return recording.find(synthesise("mute", recording.rate_hz, -20.0))[1] > 0.9


def test_muted_not_a_byte_leaves_and_that_is_heard_seen_and_survives_a_restart(room):
    daemon = room.start()
    recorder = room.record()
    muted = room.ctl("mute")
    assert (muted["muted"], muted["remembered"]) == (True, True)
    room.say_wake_word()
    assert room.ctl("status")["told"].startswith("Microphone muted.\n")
    assert heard_mute(recorder.stop())
    assert not daemon.find("WakeDetected")
    assert room.server.heard.audio == []

    assert daemon.stop() == 0
    recorder = room.record()
    daemon = room.start()
    time.sleep(0.5)
    assert heard_mute(recorder.stop())
    assert "The microphone is muted, as it was before the restart." in daemon.log_path.read_text()
    assert room.ctl("wake", status=1)["error"] == "muted"
    room.say_wake_word()
    assert not daemon.find("WakeDetected")
    assert room.server.heard.audio == []

    assert not room.ctl("unmute")["muted"]
    time.sleep(0.6)
    room.call(daemon)
    room.server.wait_for(lambda: room.server.heard.audio)


def test_wake_volume_mute_and_say(room):
    daemon = room.start()
    assert room.ctl("status")["told"].startswith("Waiting for hey_jarvis.\nspeakerd ")
    assert room.ctl("wake")["told"] == "Listening."
    assert daemon.wait("StateChanged", state="LISTENING")
    assert room.ctl("say", "Dinner.", status=1)["error"] == "in_conversation"
    room.server.user_turn()
    room.server.answer(sound_at(10.0))
    assert daemon.wait("StateChanged", state="SPEAKING")
    before = room.ctl("volume")["volume_percent"]
    assert room.ctl("volume", "-5")["volume_percent"] == before - 5
    room.ctl("volume", str(before))

    room.ctl("mute")
    over = daemon.wait("StateChanged", state="IDLE")
    sent = len(room.server.heard.audio)
    room.say_wake_word()
    assert len(room.server.heard.audio) == sent
    assert not daemon.find("WakeDetected", since_s=over["t"])

    recorder = room.record()
    assert room.ctl("say", "Dinner is ready.")["told"] == "Saying it."
    time.sleep(1.5)
    assert np.max(np.abs(recorder.stop().samples)) > 3_000
    assert room.ctl("stop")["ok"]
    assert daemon.stop() == 0


def test_a_reload_good_and_bad_by_signal_and_by_command(room, tmp_path):
    daemon = room.start()
    config = tmp_path / "speakerd.yaml"
    good = config.read_text()

    config.write_text(good + "conversatoin: {silence_timeout_s: 9}\n")
    refused = room.ctl("reload", status=78)
    assert "conversatoin" in refused["mistakes"][0]
    assert "did you mean conversation?" in refused["told"]
    assert "the old one stays" in room.ctl("status")["note"]

    # Another word, another microphone: the one is taken over, the other named.
    changed = good.replace("capture_device: speakerd_mic", "capture_device: hw:9")
    config.write_text(changed + "wake: {words: [{model: alexa}]}\n")
    os.kill(daemon.pid, signal.SIGHUP)
    until_s = time.monotonic() + 10
    while (status := room.ctl("status"))["wake_words"] != ["alexa"]:
        assert time.monotonic() < until_s, daemon.log_path.read_text()
    assert status["needs_restart"] == ["audio.capture_device"]
    room.say_wake_word()
    assert not daemon.find("WakeDetected"), "hey_jarvis is no wake word any more"

    config.write_text(good)
    assert room.ctl("reload")["changed"] == ["wake.words"]
    time.sleep(1.5)
    room.call(daemon)
    config.write_text(good.replace("silence_timeout_s: 1.5", "silence_timeout_s: 0.5"))
    assert room.ctl("reload")["waits"]
    assert daemon.wait("StateChanged", state="IDLE")
    assert room.ctl("reload")["changed"] == []
    counters = room.ctl("status")["counters"]
    assert (counters["capture_xruns"], counters["capture_dropped"]) == (0, 0)
    assert daemon.stop() == 0
