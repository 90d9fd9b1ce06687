"""From file and environment to a Config, or to all mistakes at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.config_files import loaded, mistakes

from speakerd.config.load import MAX_FILE_BYTES, load
from speakerd.config.model import BargeIn, Config, WakeWord
from speakerd.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "speakerd.yaml"


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
        ("log:\n\tlevel: info\n", "FILE:2: found text that is not YAML, expected `key: value` (a tab, or a character"),
        ("log: a: b\n", "FILE:1: found text that is not YAML, expected `key: value` (a colon stands where none can"),
        (
            'log: "a\n',
            "FILE:1: found text that is not YAML, expected `key: value` (a quote is opened here and never closed)",
        ),
        ("log:\n  level: info\n voice: x\n", "FILE:3: found text that is not YAML"),
        ("log:\n  level: 'Don't'\n", "FILE:2: found text that is not YAML, expected `key: value` (the indentation of"),
        ("log:\n  level: 'Don't'\n", "or a quote ends too early)"),
        ("log:\n  level: *nice*\n", "(put text that begins with & or * in quotes)"),
        (
            "  log:\n    level: info\naudio:\n",
            "FILE:3: found text that is not YAML, expected `key: value` (this line is",
        ),
        ("log:\n  level:info\n  x: y\n", "put a space after the colon in the line above)"),
        ("log:\n  level: in\0fo\n", "FILE:2: found a control character, expected text (character U+0000"),
        ('audio:\n  capture_device: "a\\0b"\n', "FILE:2: audio.capture_device: found the character U+0000, expected"),
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
        (tmp_path / "none", "found no readable file, expected one (No such file or directory: is its name right?)"),
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
    with pytest.raises(ConfigError, match=r"expected one \(Permission denied: use sudo, or let"):
        load(path, {})
