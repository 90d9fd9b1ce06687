"""Sums as people say them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerd.server.wits.numbers import numbers_as_digits
from speakerd.server.wits.sums import answer_sum


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("What is 17 plus 25?", "17 plus 25 is 42."),
        ("what is seventeen plus twenty five", "17 plus 25 is 42."),
        ("What's twenty-five times four?", "25 times 4 is 100."),
        ("How much is 100 minus 58?", "100 minus 58 is 42."),
        ("one hundred and twenty divided by eight", "120 divided by 8 is 15."),
        ("What is 10 divided by 3?", "10 divided by 3 is about 3.33."),
        ("What is 10 divided by 4?", "10 divided by 4 is 2.5."),
        ("2 plus 3 times 4", "2 plus 3 times 4 is 14."),
        ("What is the square root of 144?", "The square root of 144 is 12."),
        ("What is the square root of 2?", "The square root of 2 is about 1.41."),
        ("What is two to the power of ten?", "2 to the power of 10 is 1024."),
        ("What is 2 to the power of 90?", "That is beyond me."),
        ("What is seven squared?", "7 squared is 49."),
        ("the cube of 3", "3 cubed is 27."),
        ("What's half of ninety?", "Half of 90 is 45."),
        ("a third of ten", "A third of 10 is about 3.33."),
        ("double 21", "Twice 21 is 42."),
        ("Multiply six by nine.", "6 times 9 is 54."),
        ("Divide 144 by 12", "144 divided by 12 is 12."),
        ("subtract five from twenty", "20 minus 5 is 15."),
        ("Add 250 to 125", "250 plus 125 is 375."),
        ("7 divided by 0", "Nothing can be divided by zero."),
        ("What is 15 percent of 80?", "15 percent of 80 is 12."),
        ("17+25", "17 plus 25 is 42."),
        ("3 x 4", "3 times 4 is 12."),
        ("two thousand three hundred plus one", "2300 plus 1 is 2301."),
        ("a hundred minus one", "100 minus 1 is 99."),
        ("1,000 times 2", "1000 times 2 is 2000."),
        ("3 multiplied by 5", "3 times 5 is 15."),
        ("How much is mine times ate?", "9 times 8 is 72."),
        ("to plus for", "2 plus 4 is 6."),
        ("two point five times two", "2.5 times 2 is 5."),
    ],
)
def test_sums(said: str, answer: str):
    assert answer_sum(said) == answer


@pytest.mark.parametrize(
    "said", ["", "what time is it", "seventeen", "plus", "I have 2 cats", "one two three", "a and b"]
)
def test_no_sum(said: str):
    assert answer_sum(said) is None


def test_number_words_become_digits():
    assert numbers_as_digits("Set a timer for twenty five minutes") == ["set", "a", "timer", "for", "25", "minutes"]
    assert numbers_as_digits("one million two hundred thousand and five") == ["1200005"]
    assert numbers_as_digits("nineteen eighty four") == ["19", "84"]


@given(st.text(max_size=200))
def test_any_text_is_survived(text: str):
    answer_sum(text)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["plus", "minus", "times"]))
def test_results_are_right(a: int, b: int, operator: str):
    value = {"plus": a + b, "minus": a - b, "times": a * b}[operator]
    assert answer_sum(f"what is {a} {operator} {b}?") == f"{a} {operator} {b} is {value}."
