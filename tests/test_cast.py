"""Who answers to which wake word, and with which session."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerd.cast import Cast
from speakerd.config.model import Config, Persona, Realtime, Wake, WakeWord

WORDS = (
    WakeWord(model="hey_jarvis"),
    WakeWord(model="alexa", persona="chef"),
    WakeWord(model="/etc/speakerd/hey.you.onnx", persona="butler"),
    WakeWord(model="okay_nabu", persona="chef"),
)
CHEF = Persona(name="chef", voice="cedar", instructions="You cook.", skills=("timer", "recipes"))
BUTLER = Persona(name="butler", model="gpt-realtime-2.1", skills=("none",))
CONFIG = Config(wake=Wake(words=WORDS, personas=(CHEF, BUTLER)), realtime=Realtime(instructions="You help."))


def sessions() -> dict:
    tools = {None: [{"name": "all"}], ("timer", "recipes"): [{"name": "two"}], (): []}
    return Cast(CONFIG).sessions(lambda names: tools[names], transcripts=True)


@pytest.mark.parametrize(("word", "name"), [
    ("hey_jarvis", ""), ("alexa", "chef"), ("hey.you", "butler"), ("okay_nabu", "chef"), ("unheard_of", ""),
])  # fmt: skip
def test_each_word_has_who_answers_to_it(word, name):
    cast = Cast(CONFIG)
    assert cast.answering(word).name == name
    assert cast.billed_to(word) == (name or word)


def test_what_a_persona_does_not_say_is_as_for_the_default_one():
    plain, chef, butler = sessions()[""], sessions()["chef"], sessions()["butler"]
    told = [(model, s["instructions"], s["audio"]["output"]["voice"]) for model, s in (plain, chef, butler)]
    assert told == [
        ("gpt-realtime-2.1-mini", "You help.", "marin"),
        ("gpt-realtime-2.1-mini", "You cook.", "cedar"),
        ("gpt-realtime-2.1", "You help.", "marin"),
    ]
    assert all(session["audio"]["input"]["transcription"] for _, session in (plain, chef, butler))


def test_each_has_its_own_tools():
    assert [session.get("tools") for _, session in sessions().values()] == [[{"name": "all"}], [{"name": "two"}], None]


def test_skills_that_there_are_not_are_told_with_what_there_is():
    assert Cast(CONFIG).unknown_skills(["timer", "recipe"]) == [
        "wake.personas, chef, skills: found 'recipes', expected a skill or the label of an MCP server: "
        "timer, recipe or none (did you mean recipe?); it is left out."
    ]
    assert Cast(CONFIG).unknown_skills(["timer", "recipes"]) == []


def test_without_personas_there_is_one_role():
    cast = Cast(Config())
    assert cast.roles == (cast.default,)
    assert cast.default.skills is None


def test_a_word_is_called_as_its_model_is_whatever_dots_are_in_its_name():
    model = "/models/hey.onnx.tflite"
    config = Config(wake=Wake(words=(WakeWord(model=model, persona="chef"),), personas=(Persona(name="chef"),)))
    assert Cast(config).answering(Path(model).stem).name == "chef"
