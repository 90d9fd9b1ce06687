from __future__ import annotations

from pathlib import Path

import pytest

from speakerd.errors import ConfigError, SpeakerdError
from speakerd.mic import wake_models
from speakerd.mic.wake_models import feature_models, find_model, known_words


def test_the_published_words_are_there_and_the_shared_networks_are_no_words() -> None:
    assert known_words() == ("alexa", "hey_jarvis", "hey_mycroft", "hey_rhasspy", "okay_nabu")
    assert all(path.is_file() for path in feature_models())


@pytest.mark.parametrize("word", known_words())
def test_a_name_is_found(word: str) -> None:
    file = find_model(word)
    assert file.word == word
    assert file.path.is_file()


@pytest.mark.parametrize(
    ("model", "near"),
    [("Alexa", "alexa"), ("hey jarvis", "hey_jarvis"), ("hey-mycrof", "hey_mycroft"), ("nabu", "okay_nabu")],
)
def test_an_unknown_name_is_told_the_nearest_and_all(model: str, near: str) -> None:
    with pytest.raises(ConfigError) as error:
        find_model(model)
    assert f"did you mean {near}?" in str(error.value)
    assert all(word in str(error.value) for word in known_words())


def test_a_name_near_to_none_gets_the_list_alone() -> None:
    with pytest.raises(ConfigError, match=r"'zzzz' \(known: alexa, ") as error:
        find_model("zzzz")
    assert "did you mean" not in str(error.value)


@pytest.mark.parametrize("name", ["computer.tflite", "computer.onnx"])
def test_a_users_file_is_called_by_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    file = find_model(str(path))
    assert (file.word, file.path) == ("computer", path)


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "computer.tflite").touch()
    assert find_model("~/computer.tflite").path == tmp_path / "computer.tflite"


def test_files_that_cannot_be_models_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pb").touch()
    (tmp_path / "folder.tflite").mkdir()
    for model, reason in (
        ("model.pb", "not a .tflite"),
        ("folder.tflite", "no such file"),
        ("gone.onnx", "no such file"),
    ):
        with pytest.raises(ConfigError, match=reason):
            find_model(str(tmp_path / model))


def test_a_missing_models_package_is_said_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wake_models, "models_folder", lambda: tmp_path)
    with pytest.raises(SpeakerdError, match="reinstall"):
        feature_models()
    monkeypatch.undo()
    monkeypatch.setattr(wake_models, "find_spec", lambda name: None)
    with pytest.raises(SpeakerdError, match="not installed"):
        find_model("alexa")
