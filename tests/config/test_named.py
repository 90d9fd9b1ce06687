"""A file that changed under the same name is seen."""

from __future__ import annotations

import os

import pytest

from speakerd.config.model import Config, Purse, Skills, Sounds, Wake, WakeWord
from speakerd.config.named import changed_files, states


@pytest.fixture
def config(tmp_path) -> Config:
    """Names a file for each setting that can."""
    (tmp_path / "skills").mkdir()
    for name in ("wake.wav", "word.onnx", "prices.yaml", "skills/lamp.py"):
        (tmp_path / name).write_text("1")
    return Config(
        sounds=Sounds(wake=str(tmp_path / "wake.wav")),
        wake=Wake(words=(WakeWord(model=str(tmp_path / "word.onnx")),)),
        purse=Purse(prices=str(tmp_path / "prices.yaml")),
        skills=Skills(folder=str(tmp_path / "skills")),
    )


KEYS = {
    "wake.wav": "sounds.wake",
    "word.onnx": "wake.words",
    "prices.yaml": "purse.prices",
    "skills/lamp.py": "skills.folder",
}


@pytest.mark.parametrize("name", KEYS)
def test_one_that_was_written_anew_or_replaced_or_is_gone_is_seen(config, tmp_path, name):
    path, before = tmp_path / name, states(config)
    assert changed_files(before, states(config)) == []
    path.write_text("12")
    assert changed_files(before, states(config)) == [KEYS[name]]
    before = states(config)
    os.utime(path, (1, 1))
    assert changed_files(before, states(config)) == [KEYS[name]]
    before = states(config)
    path.unlink()
    assert changed_files(before, states(config)) == [KEYS[name]]


def test_a_skill_that_came_to_the_others_is_seen(config, tmp_path):
    before = states(config)
    (tmp_path / "skills" / "notes.txt").write_text("no skill")
    assert changed_files(before, states(config)) == []
    (tmp_path / "skills" / "fan.py").write_text("2")
    assert changed_files(before, states(config)) == ["skills.folder"]


def test_names_that_are_no_files_have_no_state():
    odd = Config(sounds=Sounds(wake="none", error="~nobody/x\0"), skills=Skills(folder="/nowhere/\0"))
    assert set(states(Config()).values()) == set(states(odd).values()) == {frozenset()}
