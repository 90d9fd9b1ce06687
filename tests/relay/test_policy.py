"""Models and voices in what a client sends: found in every disguise, and never where they mean something else."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest

from speakerd.relay.policy import MAX_PARSED_CHARACTERS, OVERLAP, Objection, Rules, is_plain, judge

RULES = Rules("big", models=("big", "scribe"), voices=("marin", "cedar"))
ALL = Rules("big")


def code(message: dict[str, Any] | str, rules: Rules = RULES) -> str:
    """The code of the objection; empty if there is none."""
    objection = judge(message if isinstance(message, str) else json.dumps(message), rules)
    return objection.refusal.code if objection else ""


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def voice(value: Any) -> dict[str, Any]:
    return {"audio": {"output": {"voice": value}}}


@pytest.mark.parametrize(
    "message",
    [
        update(),
        update(**voice("marin")),
        update(**voice(None)),
        update(model="big"),
        update(audio={"input": {"transcription": {"model": "scribe"}}}),
        update(
            tools=[{"name": "f", "parameters": {"properties": {"voice": {"type": "string"}, "model": {"enum": ["x"]}}}}]
        ),
        update(metadata={"voice": "coral"}, instructions="voice: coral, model: huge"),
        {"type": "response.create"},
        {"type": "response.create", "response": {"input": [{"voice": "coral"}], **voice("cedar")}},
        {
            "type": "conversation.item.create",
            "item": {"content": [{"text": 'say "session.update", voice coral\n'}]},
        },
        {"type": "session.update", "session": "none"},
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
    ],
    ids=str,
)
def test_what_may_pass(message: dict[str, Any]) -> None:
    assert code(message) == ""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (update(**voice("coral")), "voice_not_allowed"),
        (update(**voice({"id": "voice_123"})), "voice_not_allowed"),
        (update(**voice(["marin"])), "voice_not_allowed"),
        (update(voice="coral"), "voice_not_allowed"),
        (update(model="scribe"), "model_not_found"),
        (update(audio={"input": {"transcription": {"model": "dear"}}}), "model_not_found"),
        ({"type": "response.create", "response": voice("coral")}, "voice_not_allowed"),
        ({"type": "response.create", "response": {"model": "dear"}}, "model_not_found"),
        ({"type": "transcription_session.update", "session": voice("coral")}, "voice_not_allowed"),
    ],
    ids=str,
)
def test_what_may_not(message: dict[str, Any], expected: str) -> None:
    assert code(message) == expected


def test_without_restrictions_only_the_model_stands() -> None:
    assert code(update(**voice("coral")), ALL) == ""
    assert code(update(audio={"input": {"transcription": {"model": "dear"}}}), ALL) == ""
    assert code(update(model="dear"), ALL) == "model_not_found"


@pytest.mark.parametrize(
    "spelling",
    [
        lambda text: text.replace("session.update", r"session\u002eupdate"),
        lambda text: text.replace("session.update", r"\u0073ession.update"),
        lambda text: text.replace('"type"', r'"t\u0079pe"'),
        lambda text: text.replace('"voice"', r'"voic\u0065"'),
        lambda text: text.replace("{", "{ \n\t").replace(":", " : "),
        lambda text: text.replace('"coral"', r'"\u0063oral"'),
    ],
)
def test_disguises(spelling: Any) -> None:
    assert code(spelling(json.dumps(update(**voice("coral"))))) == "voice_not_allowed"


def test_a_name_given_twice_could_be_read_either_way() -> None:
    twice = '{"type":"input_audio_buffer.append","audio":"AAAA","type":"session.update","session":{"voice":"coral"}}'
    assert code(twice) == "invalid_json"
    assert code('{"type":"session.update","session":{"voice":"coral","voice":"marin"}}') == "invalid_json"


@pytest.mark.parametrize("text", ["session.update", '{"type":"session.update",}', "[" * 100_000 + "session.update"])
def test_what_mentions_it_and_is_no_json_stays_here(text: str) -> None:
    assert code(text) == "invalid_json"


@pytest.mark.parametrize(
    "text", ['["session.update"]', '"session.update"', "{}", "null", '{"type":["session.update"]}']
)
def test_what_is_no_message_is_the_services_to_refuse(text: str) -> None:
    assert code(text) == ""


def test_depth_is_bounded() -> None:
    deep: dict[str, Any] = voice("coral")
    for _ in range(300):
        deep = {"x": deep}
    assert code(update(**deep)) == ""


def test_the_clients_event_is_named() -> None:
    objection = judge(json.dumps({"event_id": "e1", **update(**voice("coral"))}), RULES)
    assert isinstance(objection, Objection)
    assert objection.event_id == "e1"
    assert objection.refusal.param == "session.audio.output.voice"
    objection = judge(json.dumps({"event_id": 7, **update(**voice("coral"))}), RULES)
    assert objection is not None
    assert objection.event_id is None


def test_sound_is_plain_whatever_it_holds() -> None:
    audio = base64.b64encode(random.Random(1).randbytes(100_000)).decode()
    assert is_plain(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
    assert not is_plain(json.dumps(update()))
    assert not is_plain("response.create")
    assert not is_plain("a\\b")


def test_a_word_over_a_seam_is_found_with_what_came_before() -> None:
    text = "AAAA session.update BBBB response.create CCCC"
    for cut in range(len(text)):
        first, second = text[:cut], text[cut:]
        assert not is_plain(first) or not is_plain(first[-OVERLAP:] + second)


def test_what_may_be_parsed_is_enough_for_the_longest_instructions() -> None:
    assert MAX_PARSED_CHARACTERS > 50_000 * 4
