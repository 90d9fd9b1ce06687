"""The whole daemon, and what fails around it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from support.room import likeness, loudness, spoken
from support.scripted_server import no_server, sound_at

from speakerd.demo.daemon import DEVICES
from speakerd.purse.ledger import read
from speakerd.purse.report import total

pytestmark = pytest.mark.alsa


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
        woken = None
        for _ in range(2):  # while the notice is being said for the second time; its first words may cover the user's
            room.say("wake").wait()
            woken = woken or daemon.wait("WakeDetected", since_s=again["t"], timeout_s=1.0)
        assert woken
        assert daemon.wait("PlayoutFlushed", since_s=woken["t"] - 0.1)
        assert daemon.stop() == 0
    assert "check that it runs, realtime.url" in daemon.log_path.read_text()


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


def test_a_whole_reply_is_heard_to_its_end_though_the_connection_is_lost(room, server, tmp_path):
    daemon = room.daemon_at(server.url)
    recorder = room.record()
    room.say("wake")
    assert daemon.wait("StateChanged", state="LISTENING")
    server.user_turn()
    server.answer(sound_at(4.0))  # four times faster than it sounds
    began = daemon.wait("StateChanged", state="SPEAKING")
    assert began
    assert daemon.wait("ResponseEnded")
    server.drop()
    lost = daemon.wait("SessionEnded")
    assert (lost["error"], lost["state"]) == ("connection_lost", "FINISHING")
    over = daemon.wait("StateChanged", since_s=lost["t"], state="IDLE")
    assert 3.6 < over["t"] - began["t"] < 4.6
    assert daemon.wait("PlayoutDrained", since_s=over["t"] + 1.0)
    time.sleep(0.3)
    sound = recorder.stop()
    assert np.mean(loudness(sound.between(began["t"], over["t"])[::2]) > 500) > 0.9, "but for the card's stutters"
    assert np.any(sound.between(over["t"] + 0.2, over["t"] + 0.5)), "the error sound"
    [notice] = spoken(tmp_path)
    assert likeness(sound.between(over["t"] + 0.5, over["t"] + 6.0), notice) > 0.8
    assert daemon.stop() == 0


def test_a_loudspeaker_that_is_not_there_does_not_stop_the_conversation(room, server):
    daemon = room.daemon(f'realtime: {{url: "{server.url}"}}\n', SPEAKERD_AUDIO__PLAYBACK_DEVICE="nowhere")
    room.say("wake")
    assert daemon.wait("StateChanged", state="LISTENING")
    assert daemon.stop() == 0
    assert "The loudspeaker does not work: nowhere" in daemon.log_path.read_text()


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


USAGE = {
    "input_tokens": 1_000,
    "input_token_details": {"text_tokens": 900, "audio_tokens": 100, "cached_tokens": 0},
    "output_tokens": 200,
    "output_token_details": {"text_tokens": 50, "audio_tokens": 150},
}


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


def test_a_microphone_that_was_unplugged_is_told_aloud_and_so_is_its_return(room, server, sound_card, tmp_path):
    daemon = room.daemon_at(server.url)
    began_s = time.monotonic()
    for known, act in enumerate((sound_card.unplug, sound_card.plug)):
        act("mic")
        recorder = room.record()
        said = daemon.wait("PlayoutDrained", since_s=began_s, timeout_s=15)
        assert said, daemon.log_path.read_text()
        time.sleep(0.3)
        sound, notices = recorder.stop().between(began_s, said["t"] + 0.3), spoken(tmp_path)
        assert len(notices) == known + 1
        assert max(likeness(sound, notice) for notice in notices) > 0.8
        began_s = said["t"] + 0.1
    room.say("wake")
    assert daemon.wait("StateChanged", since_s=began_s, state="LISTENING")
    assert daemon.stop() == 0
