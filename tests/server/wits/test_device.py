"""What is done by the speaker's own functions."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from speakerd.server.settings import FunctionTool
from speakerd.server.wits.decide import decide
from speakerd.server.wits.device import COST, END, MUTE, NAMES, SENT, VOLUME
from speakerd.server.wits.heard import Answer, Memory
from speakerd.skills.builtin import built_in
from speakerd.skills.ports import Ports

NOW = datetime(2026, 3, 4, 15, 7)
OWN = [FunctionTool(name=name, description="x") for name in sorted(NAMES)]


def ask(text: str, tools: list[FunctionTool] = OWN) -> Answer:
    return decide(text, NOW, Memory(), tools)


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("Set the volume to forty percent.", VOLUME, {"percent": 40}),
        ("volume 25", VOLUME, {"percent": 25}),
        ("Set the volume to 300", VOLUME, {"percent": 100}),
        ("Turn it up.", VOLUME, {"change": 10}),
        ("Turn the volume up by 20 percent", VOLUME, {"change": 20}),
        ("Turn it down to 15", VOLUME, {"percent": 15}),
        ("Could you make it a lot louder?", VOLUME, {"change": 30}),
        ("You are too loud", VOLUME, {"change": -10}),
        ("Volume to maximum.", VOLUME, {"percent": 100}),
        ("half volume please", VOLUME, {"percent": 50}),
        ("lowest volume", VOLUME, {"percent": 10}),
        ("How loud are you?", VOLUME, {}),
        ("Mute the speaker.", MUTE, {"muted": True}),
        ("Unmute.", MUTE, {"muted": False}),
        ("How much did you cost today?", COST, {}),
        ("What did you send over the network today?", SENT, {}),
    ],
)
def test_functions_are_called(said: str, name: str, arguments: dict[str, Any]):
    answer = ask(said)
    assert answer.words == ""
    assert answer.call is not None
    assert (answer.call.name, json.loads(answer.call.arguments)) == (name, arguments)


def test_goodbye_is_said_before_the_conversation_is_ended():
    answer = ask("Goodbye!")
    assert answer.words == "Goodbye."
    assert answer.call is not None
    assert answer.call.name == END


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Turn it up.", "I cannot change the volume from here."),
        ("Mute yourself", "I cannot mute this loudspeaker."),
        ("What does it cost?", "I cost nothing. I run on this device alone."),
        ("Do you send data to the cloud?", "What you say to me stays on this device."),
        ("Goodbye", "Goodbye."),
    ],
)
def test_without_the_functions_it_says_so(said: str, words: str):
    assert ask(said, []) == Answer(words)


def test_another_function_for_the_volume_is_called_as_any_other():
    schema = {"type": "object", "properties": {"level": {"type": "integer"}}, "required": ["level"]}
    answer = ask("Set the volume to 30", [FunctionTool(name="setVolume", parameters=schema)])
    assert answer.call is not None
    assert answer.call.name == "setVolume"


def test_the_names_are_those_of_the_built_in_skills():
    class Everything:
        def __getattr__(self, name: str) -> Any:
            return lambda *_: None

        def __call__(self) -> Any: ...

    port: Any = Everything()
    assert {skill.name for skill in built_in(Ports(clock=port, end=port, volume=port, purse=port))} == NAMES
