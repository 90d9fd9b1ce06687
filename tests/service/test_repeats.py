"""The same is not told too often, and its last word always."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from speakerd.service.repeats import CONDITION, FAULT, KEPT_CASES, Repeats, Rule


def test_a_fault_is_told_as_often_as_the_rule_says_then_with_the_number_left_out():
    repeats: Repeats[str] = Repeats()
    told = [repeats.take("tls", "", f"entry {second}", FAULT, float(second)) for second in range(0, 700, 50)]
    assert told == [0, 0, 0, *[None] * 9, 9, 0]


def test_another_fault_is_not_held_back():
    repeats: Repeats[str] = Repeats()
    for second in range(10):
        repeats.take("tls", "", "x", FAULT, float(second))
    assert repeats.take("dns", "", "y", FAULT, 11.0) == 0


def test_a_fault_that_ends_is_told_to_its_end():
    repeats: Repeats[str] = Repeats()
    for second in range(8):
        repeats.take("tls", "", f"entry {second}", FAULT, float(second))
    assert repeats.due(599.0) == []
    assert repeats.due(600.0) == [("entry 7", 4)], "five were left out, of which this is one"
    assert repeats.due(9_999.0) == []


def flap(repeats: Repeats[str], changes: int, every_s: float = 1.0) -> list[str]:
    told = []
    for number in range(changes):
        value = "works" if number % 2 else "fails"
        if repeats.take("mic", value, value, CONDITION, number * every_s) is not None:
            told.append(value)
    return told


def test_a_condition_that_comes_to_rest_is_told_as_it_stands():
    repeats: Repeats[str] = Repeats()
    assert flap(repeats, 22) == ["fails", "works"] * 3
    assert repeats.due(21.0 + 4.9) == []
    assert repeats.due(21.0 + 5.0) == [], "it works, and that was told last"
    assert flap(repeats := Repeats(), 23) == ["fails", "works"] * 3
    assert repeats.due(22.0 + 4.9) == []
    assert repeats.due(22.0 + 5.0) == [("fails", 16)]


def test_what_was_left_out_of_a_condition_is_counted_in_the_end():
    repeats: Repeats[str] = Repeats()
    flap(repeats, 22)
    assert repeats.due(61.0) == [("works", 15)]


def test_what_was_quiet_for_longest_is_forgotten():
    repeats: Repeats[int] = Repeats()
    for number in range(KEPT_CASES + 5):
        for _ in range(4):
            repeats.take(number, "", number, FAULT, 0.0)
    assert repeats.take(KEPT_CASES, "", 0, FAULT, 1.0) is None
    assert repeats.take(0, "", 0, FAULT, 1.0) == 0


@given(
    st.lists(st.tuples(st.floats(0.01, 30.0), st.sampled_from(["fails", "works"])), min_size=1, max_size=80),
    st.sampled_from([FAULT, CONDITION, Rule(1, 5.0, 2.0)]),
)
def test_nothing_is_lost_and_the_last_word_comes(entries, rule):
    """Asked every second: all are told or counted, never too many in a window of faults, and the end is the truth."""
    repeats: Repeats[str] = Repeats()
    now_s, told_s, told, counted = 0.0, [], [], 0

    def settle(until_s: float) -> None:
        nonlocal counted
        second = int(now_s) + 1
        while second <= until_s:
            for entry, left_out in repeats.due(float(second)):
                told.append(entry)
                told_s.append(float(second))
                counted += 1 + left_out
            second += 1

    for pause_s, value in entries:
        settle(now_s + pause_s)
        now_s += pause_s
        left_out = repeats.take("mic", value, value, rule, now_s)
        if left_out is not None:
            told.append(value)
            told_s.append(now_s)
            counted += 1 + left_out
    settle(now_s + rule.window_s + 2)
    assert counted == len(entries)
    assert told[-1] == entries[-1][1]
    if rule is FAULT:
        for begin in range(len(told_s) - rule.limit):
            assert told_s[begin + rule.limit] - told_s[begin] >= rule.window_s
