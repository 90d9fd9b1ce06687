"""Every mistake in a file is told in one plain sentence with its line, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.config_files import mistakes

from speakerd.config.load import MAX_MISTAKES_SHOWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "audio:\n  volume_percent: 101\n",
            "FILE:2: audio.volume_percent: found 101, expected a whole number from 0 to 100 (percent)",
        ),
        (
            "audio:\n  volume_percent: -99999999999999999999999999\n",
            "FILE:2: audio.volume_percent: found -99999999999999999999999999, "
            "expected a whole number from 0 to 100 (percent)",
        ),
        (
            "audio: {volume_percent: 50 %}",
            'FILE:1: audio.volume_percent: found the text "50 %", expected a whole number from 0 to 100 (percent) '
            "(write the number alone; it is understood as percent)",
        ),
        (
            'audio: {volume_percent: "50"}',
            'FILE:1: audio.volume_percent: found the text "50", expected a whole number from 0 to 100 (percent) '
            "(write the number without quotes)",
        ),
        (
            "audio: {volume_percent: 5.0}",
            "FILE:1: audio.volume_percent: found 5.0, expected a whole number from 0 to 100 (percent)",
        ),
        (
            "audio: {capture_device: 1}",
            "FILE:1: audio.capture_device: found 1, expected text of 1 to 200 characters "
            "(put it in quotes to make it text)",
        ),
        (
            "audio: {capture_device: ''}",
            'FILE:1: audio.capture_device: found the text "", expected text of 1 to 200 characters',
        ),
        (
            "audio: {capture_device: }",
            "FILE:1: audio.capture_device: found nothing, expected text of 1 to 200 characters "
            "(leave the key out to have its default)",
        ),
        (
            "server: 5",
            "FILE:1: server: found 5, expected a section with the keys voice, piper_model, chat_url, chat_model and "
            "chat_timeout_s",
        ),
        (
            "wake: [a]",
            "FILE:1: wake: found a list of one entry, expected a section with the keys words and personas "
            "(leave out the `- ` before its keys)",
        ),
        ("wake: {words: []}", "FILE:1: wake.words: found an empty list, expected a list of 1 to 20 entries"),
        (
            "wake: {words: alexa}",
            'FILE:1: wake.words: found the text "alexa", expected a list of 1 to 20 entries '
            "(write it as `- model: hey_jarvis`)",
        ),
        (
            "wake:\n  words:\n    - alexa\n",
            'FILE:3: wake.words[0]: found the text "alexa", expected a section with the keys model, threshold, '
            "refractory_ms and persona (write it as `- model: hey_jarvis`)",
        ),
        (
            "wake:\n  words:\n    - model: alexa\n    - threshold: 0.4\n",
            "FILE:4: wake.words[1].model: found nothing: it is missing, expected text of 1 to 200 characters "
            "(write it, for example `model: hey_jarvis`)",
        ),
        (
            "wake:\n  words:\n    - model:\n",
            "FILE:3: wake.words[0].model: found nothing, expected text of 1 to 200 characters "
            "(for example `model: hey_jarvis`)",
        ),
        (
            "relay: {certificate: x}",
            "FILE:1: relay: found a section, expected certificate and private_key, both or neither",
        ),
        (
            "skills: {off: set_volume}",
            'FILE:1: skills.off: found the text "set_volume", expected a list of 0 to 100 entries '
            "(write it as a list: `[set_volume]`)",
        ),
        (
            "skills: {mcp: weather}",
            'FILE:1: skills.mcp: found the text "weather", expected a list of 0 to 20 entries',
        ),
        (
            "wake: {personas: [{voice: marin}]}",
            "FILE:1: wake.personas[0].name: found nothing: it is missing, expected text of 1 to 64 characters "
            "(write it, for example `name: chef`)",
        ),
        (
            "wake:\n  words:\n    model: hey_jarvis\n",
            "FILE:2: wake.words: found a section, expected a list of 1 to 20 entries (begin each entry with `- `)",
        ),
        (
            "log:\n  level:info\n",
            'FILE:1: log: found the text "level:info", expected a section with the key level '
            "(write each key in a line of its own, as `key: value` with a space after the colon)",
        ),
        (
            "log:\n  level = info\n",
            'FILE:1: log: found the text "level = info", expected a section with the key level '
            "(write each key in a line of its own, as `key: value` with a space after the colon)",
        ),
        (
            "log: {level:info}",
            "FILE:1: log.level:info: found a key that does not exist, expected level (put a space after the colon)",
        ),
        (
            "log:\n  - level: info\n",
            "FILE:1: log: found a list of one entry, expected a section with the key level "
            "(leave out the `- ` before its keys)",
        ),
        (
            "wake:\n  words:\n    - model: alexa\n      threshold: 0,4\n",
            'FILE:4: wake.words[0].threshold: found the text "0,4", expected a number above 0 and below 1 '
            "(write a point instead of the comma)",
        ),
        (
            "wake: {words: [{model: alexa, threshold: .nan}]}",
            "FILE:1: wake.words[0].threshold: found .nan, expected a number above 0 and below 1",
        ),
        (
            "conversation: {max_turn_s: 1e400}",
            "FILE:1: conversation.max_turn_s: found 1e400, expected a number above 0 and at most 600 (seconds)",
        ),
        (
            "conversation: {max_turn_s: true}",
            "FILE:1: conversation.max_turn_s: found true, expected a number above 0 and at most 600 (seconds)",
        ),
        (
            "conversation: {max_turn_s: 8s}",
            'FILE:1: conversation.max_turn_s: found the text "8s", expected a number above 0 and at most 600 (seconds) '
            "(write the number alone; it is understood as seconds)",
        ),
        (
            "conversation: {barge_in: spech}",
            'FILE:1: conversation.barge_in: found the text "spech", expected speech, wake_word or off '
            "(did you mean speech?)",
        ),
        (
            "conversation: {barge_in: false}",
            "FILE:1: conversation.barge_in: found false, expected speech, wake_word or off (did you mean off?)",
        ),
        (
            "transcripts: {events: yes}",
            'FILE:1: transcripts.events: found the text "yes", expected true or false (write true, without quotes)',
        ),
        (
            "realtime: {url: https://example.org}",
            'FILE:1: realtime.url: found the text "https://example.org", '
            "expected wss://HOST/…, ws://HOST[:PORT]/… or embedded",
        ),
        (
            "realtime: {url: 'ws://a b'}",
            'FILE:1: realtime.url: found the text "ws://a b", expected a URL without spaces, line breaks and #',
        ),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(tmp_path: Path, text: str, expected: str) -> None:
    assert mistakes(tmp_path, text) == [expected]


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("audio: {capture_devise: x}", "audio.capture_devise", "(did you mean capture_device?)"),
        ("conversation: {barge-in: off}", "conversation.barge-in", "(did you mean barge_in?)"),
        ("conversation: {silence_timeout: 8}", "conversation.silence_timeout", "(did you mean silence_timeout_s?)"),
        ("audio: {silence_timeout_s: 8}", "audio.silence_timeout_s", "(it belongs in section conversation)"),
        ("capture_device: x", "capture_device", "(it belongs in section audio)"),
        (
            "realtime: {silence_duration_ms: 8}",
            "realtime.silence_duration_ms",
            "(it belongs in section realtime.turn_detection)",
        ),
        ("realtime: {refractory_ms: 8}", "realtime.refractory_ms", "(it belongs in an entry of wake.words)"),
        ("realtime: {audio: 8}", "realtime.audio", "(it belongs in the file itself, not in a section)"),
        (
            "log: {capture_devise: x}",
            "log.capture_devise",
            "(did you mean capture_device, which belongs in section audio?)",
        ),
        ("wakes: {}", "wakes", "(did you mean wake?)"),
        ("log: {zzz: 1}", "log.zzz", "expected level"),
        ("log: {1: 1}", "log.1", "expected level"),
        ("log: {null: 1}", "log.null", "expected level"),
        ("log: {'': 1}", "log.", "expected level"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(tmp_path: Path, text: str, key: str, hint: str) -> None:
    (line,) = mistakes(tmp_path, text)
    assert line.startswith(f"FILE:1: {key}: found a key that does not exist, expected ")
    assert line.endswith(hint)


def test_all_mistakes_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    lines = mistakes(
        tmp_path,
        "log: {level: x}\naudio:\n  volume_percent: a\n  b: 1\n  volume_percent: c\nserver: !x {}\n",
        SPEAKERD_WAKE__WORDS="[",
        SPEAKERD_AUDIO__X="1",
    )
    assert [line.split(": ")[0] for line in lines[:5]] == ["FILE:1", "FILE:3", "FILE:4", "FILE:5", "FILE:6"]
    assert [line.split(": ")[:2] for line in lines[5:]] == [
        ["environment", "SPEAKERD_AUDIO__X"],
        ["environment", "SPEAKERD_WAKE__WORDS"],
    ]


def test_one_mistake_is_one_line_and_thousands_are_counted(tmp_path: Path) -> None:
    lines = mistakes(
        tmp_path, "log:\n" + "".join(f'  "k\\n{i}": "{"x" * 20}\\n"\n' for i in range(MAX_MISTAKES_SHOWN + 7))
    )
    assert len(lines) == MAX_MISTAKES_SHOWN + 1
    assert lines[-1] == "… and 7 more mistakes"
