"""What a client may ask, and the codes of the service for what it may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

MCP = {"type": "mcp", "server_label": "home", "server_url": "https://tools.example", "authorization": "secret"}


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def message(text: str, **more: object) -> dict[str, object]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **more}


@pytest.mark.parametrize(
    ("kind", "fields", "code", "param"),
    [
        ("session.update", {"session": {"type": "realtime", "max_output_tokens": 0}},
         "integer_below_min_value", "session.max_output_tokens"),
        ("session.update", {"session": {"type": "realtime", "instructions": "x" * 100_001}},
         "string_above_max_length", "session.instructions"),
        ("session.update", {"session": {"type": "realtime", "audio": {"input": {"turn_detection": {
            "type": "server_vad", "threshold": 1.5}}}}},
         "decimal_above_max_value", "session.audio.input.turn_detection.threshold"),
        ("session.update", {"session": {"type": "realtime", "audio": {"input": {"turn_detection": {
            "type": "server_vad", "idle_timeout_ms": 4999}}}}},
         "integer_below_min_value", "session.audio.input.turn_detection.idle_timeout_ms"),
        ("session.update", {"session": {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "x"}}}}},
         "invalid_value", "session.audio.input.turn_detection.type"),
        ("session.update", {"session": {"type": "realtime", "tools": [{"type": "function", "name": ""}]}},
         "string_below_min_length", "session.tools[0].name"),
        ("session.update", {"session": {"type": "realtime", "tools": [{"type": "function", "name": "f"}] * 129}},
         "array_above_max_length", "session.tools"),
        ("session.update", {"session": {"type": "realtime", "truncation": {
            "type": "retention_ratio", "retention_ratio": 2.0}}},
         "decimal_above_max_value", "session.truncation.retention_ratio"),
        ("conversation.item.create", {"item": message("x", id="i" * 65)}, "string_above_max_length", "item.id"),
        ("conversation.item.create", {"item": message("x" * 1_000_001)},
         "string_above_max_length", "item.content[0].text"),
        ("response.create", {"response": {"metadata": {"k": "x" * 513}}},
         "string_above_max_length", "response.metadata.k"),
        ("response.create", {"response": {"input": [{"type": "item_reference", "id": "item_none"}]}},
         "invalid_value", "response.input[0].id"),
    ],
)  # fmt: skip
def test_the_codes_of_the_service(h, kind: str, fields: dict[str, Any], code: str, param: str):
    (event,) = h.send(kind, **fields)
    assert event["type"] == "error"
    assert (event["error"]["code"], event["error"]["param"]) == (code, param)
    assert event["error"]["type"] == "invalid_request_error"


def test_servers_of_tools_are_accepted_and_their_failure_is_told_once(h):
    events = h.update(tools=[MCP, {"type": "function", "name": "f"}])
    assert kinds(events) == ["session.updated", "mcp_list_tools.in_progress", "mcp_list_tools.failed"]
    assert events[1]["item_id"] == events[2]["item_id"]
    assert kinds(h.update(instructions="x")) == ["session.updated"]


def test_the_secrets_of_a_server_of_tools_are_not_shown(h):
    events = h.update(tools=[{**MCP, "headers": {"X-Key": "hidden"}}])
    assert "secret" not in json.dumps(events)
    assert "hidden" not in json.dumps(events)
    assert events[0]["session"]["tools"][0]["server_label"] == "home"


def test_a_choice_of_a_tool_on_the_network_is_answered_with_words(h):
    h.update(tools=[MCP, {"type": "function", "name": "get_time"}], tool_choice={"type": "mcp", "server_label": "home"})
    h.ask("What time is it?")
    h.send("response.create")
    assert h.spoken == ["It is 3:07 PM."]


def test_a_response_may_read_items_of_the_conversation_by_reference(h):
    first = h.ask("What is 3 times 4?")
    h.ask("Hello")
    reference = {"type": "item_reference", "id": first["id"]}
    params = {"conversation": "none", "input": [reference], "output_modalities": ["text"]}
    h.send("response.create", response=params)
    assert h.of("response.output_text.done")[0]["text"] == "3 times 4 is 12."


def test_the_strength_of_noise_reduction_is_shown(h):
    (event,) = h.update(audio={"input": {"noise_reduction": {"type": "far_field", "strength": 0.5}}})
    assert event["session"]["audio"]["input"]["noise_reduction"] == {"type": "far_field", "strength": 0.5}


def test_truncation_bounds_what_responses_read(h):
    limits = {"post_instructions": 100}
    h.update(truncation={"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": limits})
    for _ in range(4):
        h.ask("x" * 160)
    h.send("response.create")
    h.pass_time(5)
    assert h.of("response.done")[0]["response"]["usage"]["input_tokens"] == 80
    assert len(h.session._history.items) == 5, "left out, not deleted"


def test_the_oldest_text_is_forgotten_beyond_the_bound(h):
    first = h.ask("a")
    for _ in range(9):
        h.ask("x" * 999_999)
    (event,) = h.send("conversation.item.retrieve", item_id=first["id"])
    assert event["type"] == "error"
    assert sum(item.chars for item in h.session._history.items) <= 8_000_000
