from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from speakerd.cli.listen import command, listen_to
from speakerd.cli.recording import RecordingError
from speakerd.config.model import Wake, WakeWord
from speakerd.errors import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_USAGE

CONFIG = "wake:\n  words:\n    - model: alexa\n    - model: hey_mycroft\n"


@pytest.fixture(scope="session")
def say_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function of a text that gives the path of a .wav of flite."""
    flite = shutil.which("flite")
    if flite is None:
        pytest.skip("needs the program flite, which script/setup installs")
    folder = tmp_path_factory.mktemp("said")

    def speak(text: str) -> Path:
        path = folder / f"{text}.wav"
        subprocess.run([flite, "-voice", "slt", "-t", text, "-o", str(path)], check=True)
        return path

    return speak


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "speakerd.yaml"
    path.write_text(CONFIG)
    return path


def listen(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments])


def test_one_json_line_for_each_detection(say_file: Callable[[str], Path], config: Path) -> None:
    path = say_file("Alexa, turn on the light")
    result = listen(path, "--json", "--config", config)
    assert result.exit_code == EXIT_OK, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["speech_start", "wake", "speech_stop"]
    assert all(list(line) == ["file", "t_s", "kind", "word", "score"] for line in lines)
    assert all(line["file"] == str(path) for line in lines)
    start, wake, stop = lines
    assert (wake["word"], start["word"], start["score"]) == ("alexa", None, None)
    assert 0.5 <= wake["score"] <= 1
    assert 0 <= start["t_s"] < 0.4
    assert 0.4 < wake["t_s"] < 1.4
    assert stop["t_s"] > wake["t_s"]


def test_plain_lines_for_humans(say_file: Callable[[str], Path], config: Path) -> None:
    path = say_file("Alexa")
    lines = listen(path, "--config", config).stdout.splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    told = [line.removeprefix(f"{path}: ") for line in lines]
    assert any(re.fullmatch(r" +0\.\d\d s  alexa \(0\.\d{3}\)", line) for line in told)
    assert any(re.fullmatch(r" +0\.\d\d s  speech start", line) for line in told)


def test_without_a_configuration_the_shipped_words_are_heard(say_file: Callable[[str], Path]) -> None:
    lines = [json.loads(line) for line in listen(say_file("Hey Jarvis"), "--json").stdout.splitlines()]
    assert [line["word"] for line in lines if line["kind"] == "wake"] == ["hey_jarvis"]


def test_each_file_is_heard_by_itself_and_again_the_same(say_file: Callable[[str], Path], config: Path) -> None:
    path = say_file("Alexa")
    once = listen(path, "--json", "--config", config).stdout
    assert listen(path, path, "--json", "--config", config).stdout == once * 2


def test_an_unreadable_file_is_named_and_the_others_are_still_heard(
    say_file: Callable[[str], Path], config: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound at all")
    result = listen(broken, say_file("Alexa"), "--json", "--config", config)
    assert result.exit_code == EXIT_FAILED
    assert "broken.wav: cannot be read: Format not recognised" in result.stderr
    assert '"wake"' in result.stdout


@pytest.mark.parametrize("arguments", [(), ("--json",), ("gone.wav",)])
def test_wrong_usage_is_told(arguments: tuple[str, ...]) -> None:
    assert listen(*arguments).exit_code == EXIT_USAGE


@pytest.mark.parametrize("text", ["wake: [", "wake:\n  words:\n    - model: alexxa\n", "whatever: 1\n"])
def test_a_configuration_that_cannot_be_used_exits_78(say_file: Callable[[str], Path], config: Path, text: str) -> None:
    config.write_text(text)
    result = listen(say_file("Alexa"), "--config", config)
    assert result.exit_code == EXIT_CONFIG
    assert "speakerd.yaml" in result.stderr
    assert not result.stdout


def test_a_corrupt_word_model_exits_78(say_file: Callable[[str], Path], config: Path, tmp_path: Path) -> None:
    model = tmp_path / "computer.tflite"
    model.write_bytes(b"garbage" * 100)
    config.write_text(f"wake:\n  words:\n    - model: {model}\n")
    result = listen(say_file("Alexa"), "--config", config)
    assert result.exit_code == EXIT_CONFIG
    assert "computer.tflite: not a usable .tflite file" in result.stderr


@pytest.mark.shared
@pytest.mark.parametrize(("word", "share"), [("alexa", 0.98), ("hey_mycroft", 1.0)])
def test_real_speakers_are_found_at_the_shipped_thresholds(shared: Path, word: str, share: float) -> None:
    wake = Wake(words=(WakeWord(model="alexa"), WakeWord(model="hey_mycroft")))
    found, missed = [], []
    for path in sorted((shared / "audio" / "wake" / word).iterdir()):
        try:
            heard = [one.word for one in listen_to(path, wake) if one.kind == "wake"]
        except RecordingError:
            continue  # a few of the recordings are damaged
        (found if word in heard else missed).append(path.name)
    assert len(found) / (len(found) + len(missed)) >= share, missed
