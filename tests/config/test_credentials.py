"""The API key: where it comes from, and that it never shows."""

from __future__ import annotations

import logging
import os
import pickle
from pathlib import Path

import pytest

from speakerd.config.credentials import ApiKey, api_key, token
from speakerd.errors import ConfigError

KEY = "sk-proj-geheim_1234"


def credential(folder: Path, data: bytes) -> dict[str, str]:
    (folder / "openai-api-key").write_bytes(data)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def revealed(environ: dict[str, str]) -> str | None:
    key = api_key(environ)
    return key.reveal() if key else None


@pytest.mark.parametrize("data", [KEY.encode(), f"{KEY}\n".encode(), f"\t {KEY}\r\n\n".encode()])
def test_the_credential_wins_and_is_stripped(tmp_path: Path, data: bytes) -> None:
    assert revealed({**credential(tmp_path, data), "OPENAI_API_KEY": "other"}) == KEY


@pytest.mark.parametrize("data", [b"", b"\n", b"  \n\n"])
def test_an_empty_credential_counts_as_none(tmp_path: Path, data: bytes) -> None:
    assert api_key(credential(tmp_path, data)) is None
    assert revealed({**credential(tmp_path, data), "OPENAI_API_KEY": KEY}) == KEY


def test_no_credential_means_the_environment(tmp_path: Path) -> None:
    assert revealed({"OPENAI_API_KEY": f" {KEY}\n"}) == KEY
    assert revealed({"OPENAI_API_KEY": KEY, "CREDENTIALS_DIRECTORY": str(tmp_path)}) == KEY
    assert revealed({"OPENAI_API_KEY": KEY, "CREDENTIALS_DIRECTORY": str(tmp_path / "none")}) == KEY
    assert api_key({}) is None
    assert api_key({"OPENAI_API_KEY": "  "}) is None


@pytest.mark.parametrize(
    "key",
    [
        '"geheim"',
        "'geheim'",
        "<geheim>",
        "ge heim",
        "ge\nheim",
        "ge\theim",
        "ge\0heim",
        "ge\x7fheim",
        "gehéim",
        "ge\udcffheim",
        "g" * 5000,
    ],
)
def test_what_cannot_be_a_key_is_refused_without_repeating_it(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match="environment: OPENAI_API_KEY: ") as error:
        api_key({"OPENAI_API_KEY": key})
    assert "heim" not in str(error.value)
    with pytest.raises(ConfigError, match="openai-api-key: ") as error:
        api_key(credential(tmp_path, key.encode("utf-8", "surrogateescape")))
    assert "heim" not in str(error.value)
    assert "ggg" not in str(error.value)


@pytest.mark.timeout(10)
def test_a_credential_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "openai-api-key").mkdir()
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "b" / "openai-api-key")
    for folder in "ab":
        with pytest.raises(ConfigError, match="found no regular file"):
            api_key({"CREDENTIALS_DIRECTORY": str(tmp_path / folder)})
    with pytest.raises(ConfigError, match="cannot be read"):
        api_key({"CREDENTIALS_DIRECTORY": "a\0b"})


def test_a_key_never_shows_itself(caplog: pytest.LogCaptureFixture) -> None:
    key = ApiKey(KEY, "here")
    with caplog.at_level(logging.INFO):
        logging.getLogger("x").info("%s %r", key, {"key": key})
    assert "geheim" not in f"{key} {key!r} {key!s} {[key]} {caplog.text}"
    assert f"{key}" == "***"
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError, match="not to be stored"):
        pickle.dumps(key)


def test_a_token_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "home-assistant-token").write_text(f"{KEY}\n")
    found = token("home-assistant-token", {"CREDENTIALS_DIRECTORY": str(tmp_path), "HOME_ASSISTANT_TOKEN": "other"})
    assert found is not None
    assert found.reveal() == KEY
    found = token("home-assistant-token", {"HOME_ASSISTANT_TOKEN": KEY, "OPENAI_API_KEY": "other"})
    assert found is not None
    assert (found.reveal(), found.source) == (KEY, "environment: HOME_ASSISTANT_TOKEN")
    assert token("home-assistant-token", {"OPENAI_API_KEY": KEY}) is None
    with pytest.raises(ConfigError, match="HOME_ASSISTANT_TOKEN"):
        token("home-assistant-token", {"HOME_ASSISTANT_TOKEN": "ge heim"})
