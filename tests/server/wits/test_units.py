"""Conversions."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerd.server.wits.heard import Heard, Memory, plain
from speakerd.server.wits.numbers import spoken
from speakerd.server.wits.units import UNITS, rule


def convert(text: str) -> str | None:
    answer = rule(Heard(text, plain(text), datetime(2026, 3, 4), Memory()))
    return None if answer is None else answer.words


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("How many feet are in a mile?", "1 mile is 5280 feet."),
        ("how many feet in a mile", "1 mile is 5280 feet."),
        ("Convert 10 kilometres to miles.", "10 kilometers are about 6.21 miles."),
        ("Convert ten kilometers into miles", "10 kilometers are about 6.21 miles."),
        ("What is half a mile in metres?", "0.5 miles are about 804.67 meters."),
        ("What is 100 degrees Fahrenheit in Celsius?", "100 degrees Fahrenheit are about 37.78 degrees Celsius."),
        ("What is minus 40 degrees Celsius in Fahrenheit?", "-40 degrees Celsius are -40 degrees Fahrenheit."),
        ("20 degrees Celsius in Kelvin", "20 degrees Celsius are 293.15 kelvin."),
        ("How many pounds is 70 kilograms?", "70 kilograms are about 154.32 pounds."),
        ("How many fluid ounces are in a gallon?", "1 gallon is 128 fluid ounces."),
        ("How many ounces are in a gallon?", "1 gallon is 128 fluid ounces."),
        ("How many ounces are in a pound?", "1 pound is 16 ounces."),
        ("How many miles per hour is 100 kilometres per hour?",
         "100 kilometers an hour are about 62.14 miles an hour."),
        ("how many hours in three days", "3 days are 72 hours."),
        ("How many kilometers are in a millimeter?", "1 millimeter is 0.000001 kilometers."),
    ],
)  # fmt: skip
def test_conversions(said: str, answer: str):
    assert convert(said) == answer


@pytest.mark.parametrize(
    "said",
    [
        "What day of the week is it?",
        "How many pounds are in a mile?",
        "How many feet does a cat have?",
        "I walked five miles and three feet and ten inches",
        "How many miles are in a mile?",
        "Set a timer for one hour and ten minutes",
    ],
)
def test_what_is_no_conversion(said: str):
    assert convert(said) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Fraction(7), "7"),
        (Fraction(5, 2), "2.5"),
        (Fraction(10, 3), "about 3.33"),
        (Fraction(1, 3000), "about 0.000333"),
        (Fraction(1, 1000), "0.001"),
        (Fraction(-1, 3), "about -0.33"),
    ],
)
def test_results_are_rounded_for_the_voice(value: Fraction, said: str):
    assert spoken(value) == said


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.integers(0, 10**9))
def test_there_and_back_again_is_where_one_began(source: str, target: str, amount: int):
    have, want = UNITS[source], UNITS[target]
    there = (amount * have.size + have.zero - want.zero) / want.size
    assert (there * want.size + want.zero - have.zero) / have.size == amount
    convert(f"convert {amount} {source} to {target}")
