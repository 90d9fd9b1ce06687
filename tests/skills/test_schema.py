"""Schemas of every kind of hint, and arguments right and wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import warnings
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Optional
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from speakerd.skills.schema import MAX_ARGUMENTS_CHARACTERS, ArgumentsError, Parameters, UnusableError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mood(Enum):
    GOOD = "good"


@dataclasses.dataclass
class Lamp:
    name: str
    level: int = 5


class Room(TypedDict):
    name: str
    lamps: list[Lamp]


class Model(BaseModel):
    colour: Colour = Colour.RED


class Pair(NamedTuple):
    a: int
    b: str


def taking(hint, *default):
    """A function with one parameter `x` of this hint."""

    def function(x):
        return x

    function.__annotations__["x"] = hint
    function.__defaults__ = default
    return function


LAMP = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "level": {"type": "integer", "default": 5}},
    "required": ["name"],
    "additionalProperties": False,
}

HINTS = [
    (str, {"type": "string"}, '"a"', "a"),
    (int, {"type": "integer"}, "7", 7),
    (float, {"type": "number"}, "7", 7.0),
    (bool, {"type": "boolean"}, "true", True),
    (Literal["a", "b"], {"enum": ["a", "b"], "type": "string"}, '"b"', "b"),
    (Literal["a"], {"const": "a", "type": "string"}, '"a"', "a"),
    (Colour, {"enum": ["red", "blue"], "type": "string"}, '"blue"', Colour.BLUE),
    (Level, {"enum": [1, 2], "type": "integer"}, "2", Level.HIGH),
    (Mood, {"enum": ["good"], "type": "string"}, '"good"', Mood.GOOD),
    (list[int], {"type": "array", "items": {"type": "integer"}}, "[1]", [1]),
    (Sequence[str], {"type": "array", "items": {"type": "string"}}, '["a"]', ["a"]),
    (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "[1, 1]", {1}),
    (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}, '{"a": 1}', {"a": 1.0}),
    (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}, '{"a": 1}', {"a": 1}),
    (
        tuple[int, str],
        {
            "type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2,
        },
        '[1, "a"]',
        (1, "a"),
    ),
    (date, {"type": "string", "format": "date"}, '"2026-11-22"', date(2026, 11, 22)),
    (time, {"type": "string", "format": "time"}, '"07:30"', time(7, 30)),
    (datetime, {"type": "string", "format": "date-time"}, '"2026-11-22T07:30"', datetime(2026, 11, 22, 7, 30)),
    (timedelta, {"type": "string", "format": "duration"}, '"PT5M"', timedelta(minutes=5)),
    (UUID, {"type": "string", "format": "uuid"}, f'"{UUID(int=1)}"', UUID(int=1)),
    (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}, '"a"', "a"),
    (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "null", None),  # noqa: UP045 - users write so
    (Annotated[int, "Percent."], {"type": "integer", "description": "Percent."}, "7", 7),
    (Annotated[int, Field(ge=0, le=9)], {"type": "integer", "minimum": 0, "maximum": 9}, "7", 7),
    (Lamp, LAMP, '{"name": "a"}', Lamp("a")),
    (
        Room,
        {
            "type": "object",
            "properties": {"name": {"type": "string"}, "lamps": {"type": "array", "items": LAMP}},
            "required": ["name", "lamps"],
            "additionalProperties": False,
        },
        '{"name": "a", "lamps": [{"name": "b", "level": 1}]}',
        {"name": "a", "lamps": [Lamp("b", 1)]},
    ),
    (
        Model,
        {"type": "object", "properties": {"colour": {"enum": ["red", "blue"], "type": "string", "default": "red"}}},
        '{"colour": "blue"}',
        Model(colour=Colour.BLUE),
    ),
    (Any, {}, '{"a": [1]}', {"a": [1]}),
    (None, {"type": "null"}, "null", None),
]  # fmt: skip


@pytest.mark.parametrize(("hint", "schema", "text", "value"), HINTS, ids=[str(hint[0]) for hint in HINTS])
def test_every_kind_of_hint(hint, schema, text, value):
    parameters = Parameters(taking(hint))
    assert parameters.schema == {
        "type": "object",
        "properties": {"x": schema},
        "required": ["x"],
        "additionalProperties": False,
    }
    assert parameters.read(f'{{"x": {text}}}') == {"x": value}


@pytest.mark.parametrize("hint", [Decimal, Pair, bytes, tuple[int, ...], frozenset[str], list, dict, complex | int])
def test_further_hints_work_or_are_refused(hint):
    with contextlib.suppress(UnusableError):
        assert "$" not in json.dumps(Parameters(taking(hint)).schema)


def test_defaults_make_a_parameter_optional():
    def function(a: int, b: int = 5, c: str | None = None, d: Colour = Colour.RED, e: list[int] | None = None): ...

    parameters = Parameters(function)
    assert parameters.schema["required"] == ["a"]
    assert parameters.schema["properties"] == {
        "a": {"type": "integer"},
        "b": {"type": "integer", "default": 5},
        "c": {"type": "string"},
        "d": {"enum": ["red", "blue"], "type": "string", "default": "red"},
        "e": {"type": "array", "items": {"type": "integer"}},
    }
    assert parameters.read('{"a": 1}') == {"a": 1, "b": 5, "c": None, "d": Colour.RED, "e": None}
    assert parameters.read('{"a": 1, "c": null}')["c"] is None


def test_a_description_inside_an_optional_is_kept():
    def function(
        zone: Annotated[str, "Like Asia/Tokyo."] | None = None, n: Annotated[int | None, "How many."] = None
    ): ...

    properties = Parameters(function).schema["properties"]
    assert properties["zone"] == {"type": "string", "description": "Like Asia/Tokyo."}
    assert properties["n"] == {"type": "integer", "description": "How many."}


def test_no_parameters():
    parameters = Parameters(lambda: None)
    assert parameters.schema == {"type": "object", "properties": {}, "additionalProperties": False}
    assert [parameters.read(text) for text in ("{}", "", "  \n")] == [{}, {}, {}]


def test_any_name_of_a_parameter_will_do():
    def function(json: int, schema: int, model_config: int, copy: int, _hidden: int, title: int, *, validate: int): ...

    names = ["json", "schema", "model_config", "copy", "_hidden", "title", "validate"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parameters = Parameters(function)
    assert list(parameters.schema["properties"]) == names
    assert parameters.read(json.dumps(dict.fromkeys(names, 1))) == dict.fromkeys(names, 1)


class Tree(BaseModel):
    children: list[Tree] = []


class Opaque:
    pass


def positional(a: int, /): ...
def many(*a: int): ...
def named(**a: int): ...
def unhinted(a): ...
def unknown(a: Nonsense): ...  # noqa: F821
def broken(a: "list["): ...  # noqa: F722
def opaque(a: Opaque): ...
def recursive(a: Tree): ...
def function_type(a: type): ...


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (positional, "the parameter a cannot be given by name"),
        (many, "the parameter a cannot be given by name"),
        (named, "the parameter a cannot be given by name"),
        (unhinted, "the parameter a has no type hint"),
        (unknown, "a type hint cannot be understood: name 'Nonsense' is not defined"),
        (broken, "a type hint cannot be understood"),
        (opaque, "a type hint has no JSON Schema"),
        (recursive, "the type Tree contains itself"),
        (function_type, "a type hint has no JSON Schema"),
    ],
)
def test_what_cannot_be_a_skill_says_why(function, words):
    with pytest.raises(UnusableError, match=words):
        Parameters(function)


def lamp(name: str, level: Annotated[int, Field(ge=0, le=100)], colour: Colour = Colour.RED): ...


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ("null", "object"),
        ('{"name": "a"}', "level: Field required"),
        ('{"name": "a", "level": "loud"}', "level: Input should be a valid integer"),
        ('{"name": "a", "level": 101}', "level: Input should be less than or equal to 100"),
        ('{"name": "a", "level": 5, "colour": "green"}', "colour: Input should be 'red' or 'blue'"),
        ('{"name": "a", "level": 5, "size": 3}', "size: Extra inputs are not permitted"),
        ('{"name": ["a"], "level": {}}', "name: Input should be a valid string; level: "),
        ("\ud800", "unicode"),
        ("x" * (MAX_ARGUMENTS_CHARACTERS + 1), "longer than"),
        ("[" * 15_000, "JSON"),
    ],
)
def test_wrong_arguments_are_told_in_words(text, words):
    with pytest.raises(ArgumentsError) as caught:
        Parameters(lamp).read(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 2_000


def test_what_models_slip_in_is_understood():
    assert Parameters(lamp).read('{"name": 7, "level": "5"}') == {"name": "7", "level": 5, "colour": Colour.RED}
    assert Parameters(lamp).read('{"name": "a", "level": 5.0}')["level"] == 5


@given(
    st.text(max_size=100) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps)
)
def test_no_text_raises_anything_else(text):
    with contextlib.suppress(ArgumentsError):
        assert set(Parameters(lamp).read(text)) == {"name", "level", "colour"}
