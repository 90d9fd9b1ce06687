"""What the journal says at the start."""

from __future__ import annotations

import logging

import pytest

from speakerd.config.model import Config
from speakerd.service.announce import announce, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://api.example.com/v1/realtime?model=m&token=secret#secret", "wss://api.example.com/v1/realtime"),
        ("ws://me:secret@box:8000/v1", "ws://box:8000/v1"),
        ("embedded", "embedded"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str):
    assert without_secrets(url) == shown


def test_it_names_what_is_used_and_keeps_secrets(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    config = Config.model_validate({"realtime": {"url": "wss://api.example.com/v1?token=secret&model=mine"}})
    announce(config, has_key=False)
    assert "Server wss://api.example.com/v1, model mine." in caplog.text
    assert "No API key" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("words", "told"), [(["alexa"], "wake word alexa."), (["alexa", "okay_nabu"], "wake words alexa, okay_nabu.")]
)
def test_one_wake_word_or_several(caplog: pytest.LogCaptureFixture, words: list[str], told: str):
    caplog.set_level(logging.INFO)
    announce(Config.model_validate({"wake": {"words": tuple({"model": word} for word in words)}}), has_key=True)
    assert caplog.messages[0].endswith(told)


def test_the_embedded_server_has_no_model_to_name(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    announce(Config.model_validate({"realtime": {"url": "embedded"}}), has_key=False)
    assert "The embedded server answers" in caplog.text
    assert "model" not in caplog.text
    assert "No API key" not in caplog.text


@pytest.mark.parametrize(("fallback", "told"), [("embedded", True), ("none", False)])
def test_who_answers_in_an_outage_is_told(caplog: pytest.LogCaptureFixture, fallback: str, told: bool):
    caplog.set_level("INFO")
    announce(Config.model_validate({"realtime": {"fallback": fallback}}), has_key=True)
    assert ("The embedded server answers while that cannot be reached." in caplog.text) is told
