"""The whole daemon converses."""

from __future__ import annotations

import time

import numpy as np
import pytest
from support.room import SECRET, WARM_S, losses
from support.scripted_server import ScriptedServer, sound_at

pytestmark = pytest.mark.alsa


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
