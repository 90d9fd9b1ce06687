"""The generated file and page: up to date, complete, and working."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from speakerd.config import explain
from speakerd.config.keys import Key, Kind, dotted, known_keys
from speakerd.config.load import load
from speakerd.config.model import Config

ROOT = Path(__file__).resolve().parents[2]
YAML = ROOT / "config" / "speakerd.yaml"
PAGE = ROOT / "docs" / "configuration.md"

LEAVES = [key for key in known_keys().values() if key.kind is not Kind.SECTION and "*" not in key.path]
ENTRIES = [
    key for key in known_keys().values() if key.kind is not Kind.SECTION and "*" in key.path and key.path[-1] != "*"
]


def test_the_shipped_file_is_exactly_the_defaults() -> None:
    assert load(YAML, {}) == Config()


@pytest.mark.parametrize("name", ["config/speakerd.yaml", "docs/configuration.md"])
def test_the_files_are_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text == explain.documents()[name], "run: python -m speakerd.config.explain"


def comments_by_key() -> dict[str, str]:
    """The comment right above (or, for lists, below) each key of the shipped file, as one line."""
    comments: dict[str, str] = {}
    path: list[str] = []
    waiting = ""
    for line in YAML.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith("#"):
            waiting += " " + text.removeprefix("#").strip()
        elif found := re.match(r"( *)(- )?(\w+):", line):
            depth = len(found[1]) // 2
            path[depth:] = [found[3]]
            if found[2]:
                comments[".".join(path[:depth])] += waiting
            else:
                comments[".".join(path)] = waiting
            waiting = ""
        else:
            waiting = ""
    return comments


@pytest.mark.parametrize("key", LEAVES, ids=lambda key: dotted(key.path))
def test_every_key_stands_in_the_shipped_file_with_its_text_unit_and_default(key: Key) -> None:
    comment = comments_by_key()[dotted(key.path)]
    assert key.doc in comment
    assert key.unit in comment
    assert key.expected.lower() in comment.lower()
    assert "Default: " in comment


@pytest.mark.parametrize("key", ENTRIES, ids=lambda key: dotted(key.path))
def test_every_key_of_a_list_entry_is_explained(key: Key) -> None:
    comment = comments_by_key()[dotted(key.path[:-2])]
    assert f"{key.path[-1]}: {key.doc}" in comment


def test_every_key_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for key in [*LEAVES, *ENTRIES]:
        assert f"| `{key.path[-1]}` | {key.expected} |" in page


def test_every_key_that_the_words_of_the_page_name_exists() -> None:
    names = set(re.findall(r"`([a-z_]+\.[a-z_.]+)", explain.PAGE.read_text(encoding="utf-8")))
    known = {dotted(path) for path in known_keys()}
    assert names - known <= {"speakerd.yaml", "speakerd.config.explain"}
    assert len(names & known) >= 5
