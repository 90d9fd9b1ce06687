"""Files that the configuration names."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerd.config.files import WAKE_MODELS, WAKE_SUFFIXES
from speakerd.config.load import read
from speakerd.mic.wake_models import MODEL_SUFFIXES, known_words


def mistakes(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return [line.removeprefix(f"{path}:") for line in read(path, {}).lines()]


def word(model: object) -> str:
    return f"wake:\n  words:\n    - model: {model}\n"


def test_our_names_are_those_that_are_installed() -> None:
    assert known_words() == tuple(sorted(WAKE_MODELS))
    assert WAKE_SUFFIXES == MODEL_SUFFIXES


@pytest.mark.parametrize("name", WAKE_MODELS)
def test_installed_wake_models_are_known(tmp_path: Path, name: str) -> None:
    assert mistakes(tmp_path, word(name)) == []


def test_own_wake_models_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    own = tmp_path / "hey_you.onnx"
    own.touch()
    assert mistakes(tmp_path, word(own)) == []
    assert mistakes(tmp_path, word("~/hey_you.onnx")) == []
    (line,) = mistakes(tmp_path, word("/nowhere/x.tflite"))
    assert (
        line
        == '3: wake.words[0].model: found the text "/nowhere/x.tflite", expected a file that exists (there is none)'
    )
    assert mistakes(tmp_path, word("x.onnx"))[0].endswith("(there is none; write the whole path, from / on)")
    folder = tmp_path / "x.onnx"
    folder.mkdir()
    assert mistakes(tmp_path, word(folder))[0].endswith("(this is a folder)")


@pytest.mark.parametrize(
    ("name", "hint"), [("hey jarvis", "hey_jarvis"), ("Alexa", "alexa"), ("hey_mycraft", "hey_mycroft"), ("zzz", "")]
)
def test_an_unknown_wake_model_is_answered_with_the_nearest(tmp_path: Path, name: str, hint: str) -> None:
    (line,) = mistakes(tmp_path, word(name))
    assert (
        "expected alexa, hey_jarvis, hey_mycroft, hey_rhasspy, okay_nabu, or a path to a .tflite or .onnx file" in line
    )
    assert line.endswith(f"(did you mean {hint}?)" if hint else "file")


def test_a_word_may_be_there_once(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, "wake:\n  words:\n    - model: alexa\n    - model: alexa\n")
    assert line.startswith('4: wake.words[1].model: found the text "alexa", expected each word once')


def test_sounds_must_exist(tmp_path: Path) -> None:
    sound = tmp_path / "x.wav"
    sound.touch()
    assert mistakes(tmp_path, f"sounds: {{wake: {sound}, goodbye: none, error: default}}") == []
    (line,) = mistakes(tmp_path, "sounds:\n  goodbye: /nowhere/x.wav\n")
    assert line == (
        '2: sounds.goodbye: found the text "/nowhere/x.wav", '
        "expected default, none or a .wav file that exists (there is none)"
    )
    (line,) = mistakes(tmp_path, "sounds: {wake: ~/x.wav}")
    assert line.endswith("(`~` is not understood: write the whole path)")
    (line,) = mistakes(tmp_path, f"sounds: {{wake: {'x' * 100}/{'y' * 99}}}")
    assert line.startswith("1: sounds.wake: found")


def test_what_is_no_sound_is_told_once_and_not_as_a_file(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, "sounds: {notices: off}")
    assert line == '1: sounds.notices: found the text "off", expected true or false (write false, without quotes)'
    (line,) = mistakes(tmp_path, "sounds: {level_dbfs: quiet}")
    assert line == '1: sounds.level_dbfs: found the text "quiet", expected a number from -60 to 0 (dBFS)'


def test_files_are_told_together_with_other_mistakes(tmp_path: Path) -> None:
    lines = mistakes(tmp_path, "log: {level: x}\n" + word("/nowhere/x.onnx"))
    assert [line.split(":")[0] for line in lines] == ["1", "4"]
