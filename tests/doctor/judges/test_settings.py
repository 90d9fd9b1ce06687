"""Configuration and key."""

from __future__ import annotations

import pytest

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.settings import key, mistakes, token, usable


def test_mistakes_are_problems_one_by_one():
    found = mistakes(["a.yaml:3: audio.volume: found 7", "a.yaml:9: wake: found nothing"])
    assert [finding.level for finding in found] == [Level.PROBLEM] * 2
    assert "a.yaml:3" in found[0].what


def test_words_of_the_user_are_left_out():
    (found,) = mistakes(['a.yaml:3: realtime.voise: found "You are Anna\'s helper", expected "voice"'])
    assert found.what == 'a.yaml:3: realtime.voise: found "…", expected "voice"'


def test_a_card_by_its_number_is_a_notice():
    found = usable("x.yaml", {"audio.capture_device": "plughw:1,0", "audio.playback_device": "hw:CARD=Device"})
    assert [finding.level for finding in found] == [Level.OK, Level.NOTICE]
    assert "audio.capture_device" in found[1].what


@pytest.mark.parametrize(
    ("source", "needed", "sent", "hidden", "level"),
    [
        ("environment: OPENAI_API_KEY", True, True, False, Level.OK),
        ("environment: OPENAI_API_KEY", True, False, False, Level.PROBLEM),
        ("environment: OPENAI_API_KEY", False, False, False, Level.OK),
        ("", False, False, False, Level.OK),
        ("", True, True, True, Level.NOTICE),
        ("", True, True, False, Level.PROBLEM),
    ],
)
def test_the_key(source, needed, sent, hidden, level):
    assert key(source, needed=needed, sent=sent, may_be_hidden=hidden).level is level


def test_a_key_that_may_be_hidden_is_not_said_to_be_there():
    """A newer systemd makes the folders that only root looks into, whether there is a key or not."""
    assert "if there is one" in key("", needed=True, sent=True, may_be_hidden=True).what


def test_a_token_that_is_missing():
    assert "HOME_ASSISTANT_TOKEN" in token("home-assistant-token", "home").remedy
