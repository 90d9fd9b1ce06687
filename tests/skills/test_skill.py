"""What makes a function a skill."""

from __future__ import annotations

import pytest

from speakerd.skills import skill
from speakerd.skills.schema import UnusableError
from speakerd.skills.skill import MAX_DESCRIPTION_CHARACTERS, Skill, is_marked


def plain(place: str) -> str:
    """Tell the weather.

    In a place.
    """
    return place


async def waiting() -> None:
    """Wait."""


def test_the_function_stays_as_it_is_and_is_known_by_name_and_docstring():
    assert skill(plain) is plain
    assert is_marked(plain)
    made = Skill.of(plain)
    assert made.as_tool() == {
        "type": "function",
        "name": "plain",
        "description": "Tell the weather.\n\nIn a place.",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
            "additionalProperties": False,
        },
    }
    assert (made.timeout_s, made.output_characters, made.wants_reply, made.is_async) == (None, None, True, False)
    assert Skill.of(waiting).is_async


def test_options():
    @skill(name="weather-2", timeout_s=30, output_characters=99, wants_reply=False)
    def function() -> None:
        """Do it."""

    made = Skill.of(function)
    assert (made.name, made.timeout_s, made.output_characters, made.wants_reply) == ("weather-2", 30, 99, False)


def test_the_tool_is_valid_by_the_published_schema():
    from openai.types.realtime import RealtimeFunctionTool

    RealtimeFunctionTool.model_validate(Skill.of(plain).as_tool(), strict=True)


def undocumented() -> None: ...


def generating():
    """Yield."""
    yield 1


def größe() -> None:
    """Measure."""


def endless() -> None: ...


endless.__doc__ = "x" * (MAX_DESCRIPTION_CHARACTERS + 1)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (undocumented, "no docstring"),
        (generating, "generator"),
        (größe, "not made of"),
        (endless, "longer than"),
        (lambda: None, "not made of"),
    ],
)
def test_what_cannot_be_a_skill_says_why(function, words):
    with pytest.raises(UnusableError, match=words):
        Skill.of(function)


def test_what_is_not_marked():
    assert not is_marked(undocumented)
    assert not is_marked(5)
