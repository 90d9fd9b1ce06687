"""Bills among what passes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from speakerd.purse.usage import Tokens
from speakerd.relay.bills import (
    CREATED,
    DONE,
    HEARD,
    MAX_PARSED_CHARACTERS,
    UPDATED,
    Passing,
    UnreadableError,
    is_of_interest,
    read,
)

AT = datetime(2026, 11, 23, tzinfo=UTC)
USAGE = {
    "total_tokens": 400,
    "input_tokens": 300,
    "output_tokens": 100,
    "input_token_details": {
        "text_tokens": 200,
        "audio_tokens": 100,
        "cached_tokens": 60,
        "cached_tokens_details": {"text_tokens": 40, "audio_tokens": 20},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 70},
}


def passing(message: Any) -> Passing | None:
    return read(json.dumps(message), "big", "scribe", AT)


def test_a_response() -> None:
    found = passing({"type": DONE, "response": {"usage": USAGE}})
    assert found is not None
    assert found.usage is not None
    assert found.usage.model == "big"
    assert found.usage.tokens == Tokens(
        text_in=200, audio_in=100, cached_text_in=40, cached_audio_in=20, text_out=30, audio_out=70
    )


def test_tokens_that_no_detail_claims_are_text() -> None:
    found = passing({"type": DONE, "response": {"usage": {"input_tokens": 5, "output_tokens": 7}}})
    assert found is not None
    assert found.usage is not None
    assert found.usage.tokens == Tokens(text_in=5, text_out=7)


def test_nobody_speaks_for_longer_than_an_hour() -> None:
    found = passing({"type": HEARD, "usage": {"type": "duration", "seconds": 9e8}})
    assert found is not None
    assert found.usage is not None
    assert found.usage.heard_ms == 3_600_000


def test_a_transcription_by_tokens_or_by_time() -> None:
    by_time = passing({"type": HEARD, "usage": {"type": "duration", "seconds": 1.5}})
    by_tokens = passing({"type": HEARD, "usage": {"input_tokens": 9, "output_tokens": 2}})
    assert by_time is not None
    assert by_time.usage is not None
    assert (by_time.usage.model, by_time.usage.heard_ms, by_time.usage.is_transcription) == ("scribe", 1500, True)
    assert by_tokens is not None
    assert by_tokens.usage is not None
    assert by_tokens.usage.tokens == Tokens(text_in=9, text_out=2)


def test_who_writes_down_from_now_on() -> None:
    session = {"audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}
    assert passing({"type": UPDATED, "session": session}) == Passing(UPDATED, transcriber="gpt-transcribe")
    assert passing({"type": UPDATED, "session": {}}) == Passing(UPDATED, transcriber="")


def test_a_service_that_does_not_count_and_other_messages() -> None:
    assert passing({"type": DONE, "response": {}}) == Passing(DONE)
    assert passing({"type": DONE}) == Passing(DONE)
    assert passing({"type": CREATED}) == Passing(CREATED)
    assert passing({"type": "other", "text": DONE}) is None
    assert passing([DONE]) is None


@pytest.mark.parametrize("count", [-5, 1e300, "7", True, None, [1], float("nan")])
def test_nonsense_is_no_count(count: Any) -> None:
    found = passing({"type": DONE, "response": {"usage": {"output_tokens": count, "x": 1}}})
    assert found is not None
    assert found.usage is not None
    assert found.usage.tokens == Tokens()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '"' + "x" * MAX_PARSED_CHARACTERS + '"'])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(UnreadableError):
        read(text, "big", "scribe", AT)


def test_sound_is_of_no_interest() -> None:
    assert not is_of_interest('{"type":"response.output_audio.delta","delta":"AAAA"}')
    assert is_of_interest(json.dumps({"type": DONE}))
