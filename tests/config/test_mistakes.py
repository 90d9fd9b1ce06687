"""Masking, shortening and guessing."""

from __future__ import annotations

import time

import pytest

from speakerd.config.mistakes import Mistake, Place, listed, looks_like_a_secret, masked, nearest, printable, shown


def test_a_mistake_is_a_line_with_its_place() -> None:
    assert str(Mistake(Place(False, "a b.yaml", 7), "x.y", "found z")) == "a b.yaml:7: x.y: found z"
    assert str(Mistake(Place(False, "a\nb"), "", "found z")) == "a\\nb: found z"
    assert str(Mistake(Place(True, "SPEAKERD_A__B"), "a.b", "found z")) == "environment: SPEAKERD_A__B: a.b: found z"


def test_mistakes_sort_by_line_then_environment() -> None:
    places = [Place(True, "A"), Place(False, "f", 10), Place(False, "f", 9), Place(False, "f")]
    assert sorted(places) == places[::-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sk-abcd1234", "sk-***"),
        ("my key is sk-proj-a_b-c, yes", "my key is sk-***, yes"),
        ("wss://me:pw@host/x", "wss://***@host/x"),
        ("wss://host/?model=x&api_key=abc&y", "wss://host/?model=x&api_key=***&y"),
        ("0123456789abcdef0123456789abcdef", "***"),
        ("a short1 text", "a short1 text"),
        ("/usr/share/models/hey_jarvis_v0.1.tflite", "/usr/share/models/hey_jarvis_v0.1.tflite"),
        ("SPEAKERD_WAKE__WORDS__0__THRESHOLD", "SPEAKERD_WAKE__WORDS__0__THRESHOLD"),
    ],
)
def test_secrets_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize("piece", ["a", "1", "A-", "//", "sk-", "key=", "//x@"])
def test_masking_takes_time_by_the_length_alone(piece: str) -> None:
    """A server's error may be as long as a frame, and is masked in the loop."""
    began_s = time.perf_counter()
    masked(piece * 200_000)
    assert time.perf_counter() - began_s < 5


def test_shown_text_is_short_quoted_and_printable() -> None:
    assert shown('a"b\n') == '"a\\"b\\n"'
    assert shown("é\x1b[31m\u202e") == '"é\\u001b[31m\\u202e"'
    assert shown("x" * 60) == f'"{"x" * 60}"'
    assert shown("x" * 61) == f'"{"x" * 59}…"'
    assert "geheim" not in shown("x" * 55 + " sk-geheim1234")
    assert "geheim" not in shown("x" * 45 + " sk-geheim1234")
    assert printable("a\udcff\n") == "a\\udcff\\n"


@pytest.mark.parametrize("name", ["key", "api_key", "API-KEY", "openai_api_key", "tokens", "x_secret", "sk-abcdef"])
def test_names_of_secrets(name: str) -> None:
    assert looks_like_a_secret(name)


@pytest.mark.parametrize("name", ["keyboard", "monkey", "token_limits", "capture_device", ""])
def test_names_that_are_no_secrets(name: str) -> None:
    assert not looks_like_a_secret(name)


def test_the_nearest_name() -> None:
    assert nearest("volume-percnt", ["volume_percent", "voice"]) == "volume_percent"
    assert nearest("zzz", ["volume_percent", "voice"]) is None
    assert nearest("v" * 100_000, ["volume_percent", "voice"]) is None


def test_lists_in_words() -> None:
    assert [listed([]), listed(["a"]), listed("ab"), listed("abc", "and")] == ["", "a", "a or b", "a, b and c"]
