"""The table of what a running daemon takes over names every key, each once, and none that there is not."""

from __future__ import annotations

import pytest

from speakerd.config.keys import ENTRY, Kind, dotted, known_keys
from speakerd.config.live import ELSEWHERE, LIVE, RESTART, Part, changed_keys, merged, parts_of, takes_restart
from speakerd.config.model import Audio, Config, Conversation, Realtime, Relay, Server, Wake, WakeWord

KEYS = [dotted(path) for path, key in known_keys().items() if key.kind is not Kind.SECTION and ENTRY not in path]
NAMES = {dotted(path) for path in known_keys() if path}


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_live_or_takes_a_restart_or_belongs_elsewhere(key):
    elsewhere = key.split(".")[0] in ELSEWHERE
    assert [bool(parts_of([key])), takes_restart(key), elsewhere].count(True) == 1


def test_the_table_names_nothing_that_is_not_there():
    assert {*LIVE, *RESTART, *ELSEWHERE} <= NAMES


def test_every_part_is_fitted_for_some_key():
    assert parts_of(KEYS) == set(Part)


def test_what_takes_a_restart():
    assert [key for key in KEYS if takes_restart(key)] == [
        "audio.capture_device",
        "audio.playback_device",
        "audio.capture_rate_hz",
        "audio.playback_rate_hz",
        "audio.capture_channel",
        "audio.playback_buffer_ms",
        "realtime.url",
        "realtime.fallback",
        "server.voice",
        "server.piper_model",
        "server.chat_url",
        "server.chat_model",
        "server.chat_timeout_s",
    ]


def test_what_changed_is_told_key_by_key():
    new = Config(
        conversation=Conversation(silence_timeout_s=3.0),
        realtime=Realtime(turn_detection={"threshold": 0.7}),
        wake=Wake(words=(WakeWord(model="alexa"),)),
    )
    assert changed_keys(Config(), new) == [
        "wake.words",
        "realtime.turn_detection.threshold",
        "conversation.silence_timeout_s",
    ]
    assert changed_keys(new, new) == []


def test_what_takes_a_restart_stays_and_the_rest_is_taken():
    running = Config(audio=Audio(capture_device="hw:1", echo_cancellation=True))
    wanted = Config(
        audio=Audio(capture_device="hw:2", echo_cancellation=False),
        realtime=Realtime(url="ws://other", voice="cedar"),
        server=Server(voice="rms"),
        relay=Relay(port=1),
    )
    result = merged(running, wanted)
    assert (result.audio.capture_device, result.audio.echo_cancellation) == ("hw:1", False)
    assert (result.realtime.url, result.realtime.voice) == (running.realtime.url, "cedar")
    assert result.server == running.server
    assert changed_keys(result, wanted) == ["audio.capture_device", "realtime.url", "server.voice"]
    assert merged(result, wanted) == result
