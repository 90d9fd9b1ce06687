"""Outputs small, huge and odd."""

from __future__ import annotations

import dataclasses
import itertools
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from speakerd.skills.rendering import NOTHING, cut, render


class Colour(Enum):
    RED = "red"


@dataclasses.dataclass
class Lamp:
    name: str
    on: bool = True


class Model(BaseModel):
    when: date


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("It rains.", "It rains."),
        ("  much \t space \n\n\n and lines  ", "much space\nand lines"),
        ("", NOTHING),
        (None, NOTHING),
        (5, "5"),
        (True, "true"),
        (0.5, "0.5"),
        (Colour.RED, '"red"'),
        ([1, "a", None], '[1,"a",null]'),
        ((1, 2), "[1,2]"),
        ({"größe": 1}, '{"größe":1}'),
        ({3: 4}, '{"3":4}'),
        (Lamp("desk"), '{"name":"desk","on":true}'),
        (Model(when=date(2026, 1, 2)), '{"when":"2026-01-02"}'),
        (datetime(2026, 1, 2, tzinfo=UTC), '"2026-01-02T00:00:00+00:00"'),
        ({"a"}, '["a"]'),
        (b"123", '"3 bytes"'),
        (MappingProxyType({"a": 1}), '{"a":1}'),
        (range(3), "[0,1,2]"),
        (Decimal("1.5"), '"1.5"'),
    ],
)
def test_what_a_skill_may_return(value, text):
    assert render(value, 1_000) == text


def test_half_a_surrogate_can_be_sent():
    render("a\ud800b", 100).encode("utf-8")


@given(st.text(max_size=400), st.integers(60, 300))
def test_never_longer_than_allowed(text, limit):
    assert len(cut(text, limit)) <= limit
    assert len(render([text], limit)) <= limit


def test_a_huge_text_is_cut_with_a_note():
    text = cut("abc " * 1_000_000, 100)
    assert len(text) == 100
    assert text.startswith("abc abc")
    assert text.endswith("… (cut: 100 of 4000000 characters)")


def test_what_was_not_looked_at_is_noted_even_if_the_rest_was_white_space():
    assert cut("a" + " " * 1_000 + "b", 60) == "a … (cut: 60 of 1002 characters)"


def test_of_a_huge_value_only_the_beginning_is_looked_at():
    looked = itertools.count()

    class Row(dict):
        def items(self):
            next(looked)
            return super().items()

    text = render([Row(number=number) for number in range(100_000)], 500)
    assert len(text) == 500
    assert text.endswith("… (cut: the first 500 characters)")
    assert next(looked) < 100


def test_an_endless_generator_ends():
    assert len(render(itertools.count(), 200)) == 200


class Circle:
    def __iter__(self):
        yield self


def circle():
    items = []
    items.append(items)
    return items


def deep():
    items = []
    for _ in range(100_000):
        items = [items]
    return items


@pytest.mark.parametrize("value", [circle(), deep(), {(1, 2): 3}, Circle()], ids=["circle", "deep", "key", "iterator"])
def test_what_has_no_json_raises_what_the_runner_expects(value):
    with pytest.raises((ValueError, TypeError, RecursionError)):
        render(value, 1_000_000)


def test_cut_json_is_short_even_then():
    assert json.loads(render({"a": "b" * 40}, 60)) == {"a": "b" * 40}
    assert len(render({"a": "b" * 400}, 60)) == 60
