"""From file and environment to a Config, or to all mistakes at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from speakerd.config.load import MAX_FILE_BYTES, MAX_MISTAKES_SHOWN, load
from speakerd.config.model import BargeIn, Config, WakeWord
from speakerd.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "speakerd.yaml"


def mistakes(tmp_path: Path, text: str | bytes, **environ: str) -> list[str]:
    """Lines of the ConfigError, with the file called FILE; none if it loads."""
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    try:
        load(path, environ)
    except ConfigError as error:
        return [line.replace(str(path), "FILE") for line in str(error).splitlines()]
    return []


def loaded(tmp_path: Path, text: str | bytes, **environ: str) -> Config:
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path, environ)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"# only a comment\n",
        b"---\n",
        b"--- # x\n...\n",
        b"{}",
        b"null",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbfaudio:\n",
    ],
)
def test_a_file_that_says_nothing_has_the_defaults(tmp_path: Path, text: bytes) -> None:
    assert loaded(tmp_path, text) == Config()


def test_without_a_file_there_are_defaults_and_the_environment() -> None:
    assert load(None, {}) == Config()
    assert load(None, {"SPEAKERD_REALTIME__MODEL": "m"}).realtime.model == "m"


def test_a_section_without_keys_has_its_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, "audio:\nwake: ~\nrealtime:\n  turn_detection:\n  model: m\n").realtime.model == "m"


def test_values_of_every_kind(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """
        audio: {capture_device: "hw:1,0", volume_percent: 0x20}
        wake:
          words:
            - model: alexa
              threshold: 1e-1
            - {model: okay_nabu, refractory_ms: 0}
        realtime:
          instructions: |
            Speak like
            a pirate.
          turn_detection: {silence_duration_ms: 700}
        conversation: {barge_in: off, silence_timeout_s: 5}
        transcripts: {events: True}
        """,
    )
    assert config.audio.capture_device == "hw:1,0"
    assert config.audio.volume_percent == 32
    assert config.wake.words == (
        WakeWord(model="alexa", threshold=0.1),
        WakeWord(model="okay_nabu", refractory_ms=0),
    )
    assert config.realtime.instructions == "Speak like\na pirate.\n"
    assert config.realtime.turn_detection.silence_duration_ms == 700
    assert config.realtime.turn_detection.threshold == 0.5
    assert config.conversation.barge_in is BargeIn.OFF
    assert config.conversation.silence_timeout_s == 5.0
    assert config.transcripts.events is True


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
        ("wake: [a]", "FILE:1: wake: found a list of one entry, expected a section with the keys words and personas"),
        ("wake: {words: []}", "FILE:1: wake.words: found an empty list, expected a list of 1 to 20 entries"),
        ("wake: {words: alexa}", 'FILE:1: wake.words: found the text "alexa", expected a list of 1 to 20 entries'),
        (
            "wake:\n  words:\n    - alexa\n",
            'FILE:3: wake.words[0]: found the text "alexa", expected a section with the keys model, threshold, '
            "refractory_ms and persona (write it as `- model: hey_jarvis`)",
        ),
        (
            "wake:\n  words:\n    - model: alexa\n    - threshold: 0.4\n",
            "FILE:4: wake.words[1].model: found no such key, expected text of 1 to 200 characters",
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


@pytest.mark.parametrize(
    "name", ["api_key", "openai_api_key", "API-Key", "key", "token", "apikey", "password", "secret"]
)
@pytest.mark.parametrize("value", ["sk-proj-geheim", "geheim", "[geheim]", "{geheim: geheim}"])
def test_a_secret_in_the_file_is_sent_to_its_place_and_never_repeated(tmp_path: Path, name: str, value: str) -> None:
    (line,) = mistakes(tmp_path, f"realtime:\n  {name}: {value}\n")
    assert line.startswith(f"FILE:2: realtime.{name}: found a key that does not exist")
    assert "openai-api-key" in line
    assert "OPENAI_API_KEY" in line
    assert "geheim" not in line


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-geheim1234: x",
        "realtime: {noise_reduction: sk-proj-geheim1234}",
        "realtime: {url: 'http://me:geheim1234@host/'}",
        "realtime: {url: 'https://host/?api_key=geheim1234&x'}",
        "log: {level: aaaaaaaaaaaaaaaaaaaaaaaaaaaageheim1234}",
        "log: {level: !geheim1234aaaaaaaaaaaaaaaaaaaaaaaaaaa x}",
        "log: {level: *sk-geheim1234}",
        "sk-proj-geheim1234",
        "sk-proj-geheim1234: x\nsk-proj-geheim1234: y\n",
        "sk-proj-geheim1234: !x y",
        "sk-proj-geheim1234: [",
    ],
)
def test_what_looks_like_a_secret_is_masked_everywhere(tmp_path: Path, text: str) -> None:
    lines = mistakes(tmp_path, text)
    assert lines
    assert not [line for line in lines if "geheim" in line]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            "audio:\n  volume_percent: 1\naudio:\n",
            "FILE:3: audio: found the key a second time, expected it once (the first is in line 1",
        ),
        ("log: &a {}", "FILE:1: log: found the anchor"),
        ("log: *a", "FILE:1: log: found the alias"),
        ("log: {level: !!str info}", "FILE:1: log.level: found the tag"),
        ("log:\n  level: !!python/object/apply:os.system [x]\n", "FILE:2: log.level: found the tag"),
        ("[a, b]: c", "FILE:1: found a list or a section as a key, expected a name"),
        ("log:\n---\nlog:\n", "FILE:2: found a second document, expected one"),
        ("[log]", "FILE:1: found a list of one entry, expected sections such as `audio:`"),
        ("just words", 'FILE:1: found the text "just words", expected sections'),
        ("log: {level: info", "FILE:1: found text that is not YAML"),
        ("log:\n\tlevel: info\n", "FILE:2: found text that is not YAML"),
        ("log: a: b\n", "FILE:1: found text that is not YAML, expected `key: value` (a colon stands where none can"),
        (
            'log: "a\n',
            "FILE:1: found text that is not YAML, expected `key: value` (a quote is opened here and never closed)",
        ),
        ("log:\n  level: info\n voice: x\n", "FILE:3: found text that is not YAML"),
        ("log:\n  level: in\0fo\n", "FILE:2: found a control character, expected text (character U+0000"),
        ("%YAML 99999999999999999999.1\n---\n", "found text that is not YAML"),
        ('a: "\\U00110000"', "found text that is not YAML"),
        ("a: [[[[[[[[[[1]]]]]]]]]]", "FILE:1: a: found more than 8 levels inside each other"),
    ],
)
def test_yaml_that_we_do_not_take(tmp_path: Path, text: str, part: str) -> None:
    (line,) = mistakes(tmp_path, text)
    assert part in line


def test_bytes_that_are_not_utf8_are_told_with_their_line(tmp_path: Path) -> None:
    expected = "FILE:3: found the byte 0xE4, expected UTF-8 text (save the file as UTF-8)"
    assert mistakes(tmp_path, b"log:\n\n  level: \xe4\n") == [expected]
    assert "expected UTF-8 text" in mistakes(tmp_path, "log:\n".encode("utf-16"))[0]


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


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "{" * 200_000,
        "- " * 100_000,
        "? " * 100_000,
        "a: " * 80_000,
        "a:\n" * 50_000,
        "k" * 250_000,
        "'" * 200_000,
        "!" * 200_000,
        "- &a [*a]\n" * 20_000,
        "%" * 200_000,
        "\t" * 200_000,
        "a: " + "9" * 200_000,
        "a1-" * 80_000,
        "log: {level: " + "sk-" * 80_000 + "}",
        "conversation: {max_turn_s: 0x" + "f" * 200_000 + "}",
    ],
    ids=lambda text: repr(text[:12]),
)
@pytest.mark.timeout(10)
def test_bombs_are_refused_soon(tmp_path: Path, text: str) -> None:
    lines = mistakes(tmp_path, text)
    assert lines
    assert max(len(line) for line in lines) < 1000


def test_a_file_may_have_256_kib_and_no_more(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "#" * MAX_FILE_BYTES) == []
    assert mistakes(tmp_path, "#" * (MAX_FILE_BYTES + 1)) == ["FILE: found a larger file, expected at most 256 KiB"]


@pytest.mark.timeout(10)
def test_paths_that_are_no_file(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, words in [
        (tmp_path, "found a folder, expected a file"),
        (tmp_path / "none", "found no readable file, expected one (No such file or directory)"),
        (tmp_path / "fifo" / "x", "found no readable file"),
        (tmp_path / ("x" * 300), "found no readable file"),
        (fifo, "found a device or pipe, expected a regular file"),
        (Path("/dev/zero"), "found a device or pipe, expected a regular file"),
        (Path("a\0b"), "found an impossible file name"),
        (Path("\ud800"), "found an impossible file name"),
    ]:
        with pytest.raises(ConfigError) as error:
            load(path, {})
        assert words in str(error.value)
        assert len(str(error.value).splitlines()) == 1


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> int:  # root, who runs this on build machines, is refused nothing
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "c.yaml"
    path.touch()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ConfigError, match=r"expected one \(Permission denied\)"):
        load(path, {})
