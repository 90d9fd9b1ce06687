"""The whole daemon: what is called, and what of the words is written down."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.room import losses
from support.scripted_server import ScriptedServer, sound_at

from speakerd.demo.daemon import Daemon

pytestmark = pytest.mark.alsa


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
