"""Which function a request means."""

from __future__ import annotations

import json

import pytest

from speakerd.server.settings import FunctionTool, NamedTool
from speakerd.server.wits.tools import choose

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LEVEL = {"type": "object", "properties": {"percent": {"type": "integer"}}, "required": ["percent"]}
LAMP = {
    "type": "object",
    "properties": {"room": {"type": "string", "enum": ["kitchen", "living_room"]}, "on": {"type": "boolean"}},
    "required": ["on"],
}
TOOLS = [
    FunctionTool(name="get_weather", description="Current weather of a city.", parameters=CITY),
    FunctionTool(name="setVolume", parameters=LEVEL),
    FunctionTool(name="switch_lamp", parameters=LAMP),
    FunctionTool(name="get_time"),
]


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("What is the weather in Berlin today?", "get_weather", {"city": "Berlin"}),
        ("weather in New York please", "get_weather", {"city": "New York"}),
        ("Set the volume to twenty five percent", "setVolume", {"percent": 25}),
        ("Switch the lamp in the living room off", "switch_lamp", {"room": "living_room", "on": False}),
        ("Lamps on", "switch_lamp", {"on": True}),
        ("What time is it?", "get_time", {}),
    ],
)
def test_the_obvious_tool_is_called(said: str, name: str, arguments: dict):
    call = choose(said, TOOLS, "auto")
    assert call is not None
    assert call.name == name
    assert json.loads(call.arguments) == arguments


@pytest.mark.parametrize("said", ["What is the weather?", "Tell me a story", "", "Get it for me", "volume"])
def test_nothing_is_called_without_its_arguments_or_a_reason(said: str):
    assert choose(said, TOOLS, "auto") is None


def test_the_choice_of_the_client_counts():
    assert choose("What time is it?", TOOLS, "none") is None
    assert choose("blah", TOOLS, "required") is not None
    named = choose("weather in Berlin", TOOLS, NamedTool(type="function", name="get_time"))
    assert named is not None
    assert named.name == "get_time"
    assert choose("x", TOOLS, NamedTool(type="function", name="other")) is None
    assert choose("What time is it?", [], "required") is None


@pytest.mark.parametrize(
    "parameters", [None, {}, {"properties": 5}, {"properties": {"a": 5}, "required": ["a"]}, {"required": None}]
)
def test_odd_schemas_are_survived(parameters: dict | None):
    choose("what time", [FunctionTool(name="time", parameters=parameters)], "required")


SPAN = {"type": "object", "properties": {"seconds": {"type": "integer"}}, "required": ["seconds"]}


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Set a timer for ten minutes", 600),
        ("Set a timer for one hour and thirty seconds", 3630),
        ("timer, half an hour", 1800),
        ("Set a timer for 45", 45),
    ],
)
def test_durations_become_the_unit_of_the_parameter(said: str, seconds: int):
    call = choose(said, [FunctionTool(name="set_timer", parameters=SPAN)], "auto")
    assert call is not None
    assert json.loads(call.arguments) == {"seconds": seconds}
