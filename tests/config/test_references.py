"""Personas that wake words ask for must be described."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerd.config.load import read

WORD = "wake:\n  words:\n    - {model: alexa, persona: %s}\n"
PERSONAS = "  personas:\n    - {name: chef}\n    - {name: butler, voice: cedar}\n"


def mistakes(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return [line.removeprefix(f"{path}:") for line in read(path, {}).lines()]


def test_a_persona_that_is_described_is_found(tmp_path: Path) -> None:
    assert mistakes(tmp_path, WORD % "chef" + PERSONAS) == []
    assert mistakes(tmp_path, WORD % "''" + PERSONAS) == []


@pytest.mark.parametrize(("name", "hint"), [
    ("chev", "did you mean chef?"), ("xyz", "or describe it in an entry of wake.personas"),
])  # fmt: skip
def test_one_that_is_not_is_told_with_those_that_are(tmp_path: Path, name: str, hint: str) -> None:
    expected = f'found the text "{name}", expected the name of a persona: chef or butler ({hint})'
    assert mistakes(tmp_path, WORD % name + PERSONAS) == [f"3: wake.words[0].persona: {expected}"]


def test_where_there_are_none_it_says_how_to_describe_one(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, WORD % "chef")
    assert line.startswith(
        '3: wake.words[0].persona: found the text "chef", expected nothing, for there are no personas'
    )


def test_names_are_given_once(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, WORD % "chef" + PERSONAS + "    - {name: chef}\n")
    assert line == '7: wake.personas[2].name: found the text "chef", expected each name once'


@pytest.mark.parametrize("text", ["wake: 1\n", "wake: {words: 1, personas: [1, {name: 2}, {}]}\n", "wake:\n"])
def test_what_is_wrong_otherwise_is_not_blamed_here(tmp_path: Path, text: str) -> None:
    assert not [line for line in mistakes(tmp_path, text) if "persona:" in line or "once" in line]
