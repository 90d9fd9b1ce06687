"""Sums as people say them: "what is seventeen plus 25", "15 percent of 80", "the square root of 144". Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction

from speakerd.server.wits.heard import Answer, Heard
from speakerd.server.wits.numbers import digits, numbers_as_digits, spoken

_OPERATORS = {
    "+": "+", "plus": "+", "and": "+", "added": "+",
    "-": "-", "−": "-", "minus": "-", "less": "-",
    "*": "*", "x": "*", "×": "*", "times": "*", "multiplied": "*",
    "/": "/", "÷": "/", "divided": "/", "over": "/",
    "percent": "%", "%": "%",
}  # fmt: skip
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_LARGEST = 10**15
_MOST_TERMS = 20

_MEANT = {"won": "one", "to": "two", "too": "two", "for": "four", "ate": "eight", "mine": "nine"}
_MISHEARD = re.compile(rf"\b(?:{'|'.join(_MEANT)})\b", re.IGNORECASE)


def rule(heard: Heard) -> Answer | None:
    """Answer a sum."""
    words = answer_sum(heard.text)
    return Answer(words) if words is not None else None


def answer_sum(text: str) -> str | None:
    """The spoken answer if the text holds a sum, also a misheard one ("mine times ate"); else None."""
    return (
        _answer_special(text) or _answer_sum(text) or _answer_sum(_MISHEARD.sub(lambda m: _MEANT[m[0].lower()], text))
    )


# ------------------------------------------------------------ powers, roots, fractions


def _root(value: Fraction) -> Fraction | None:
    return Fraction(math.sqrt(value)).limit_denominator(10**9) if value >= 0 else None


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    small = exponent.denominator == 1 and 0 <= exponent <= 50
    return base ** int(exponent) if small else None


_FRACTIONS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "tenth": 10}

_ONE: tuple[tuple[str, str, Callable[[Fraction], Fraction | None]], ...] = (
    (rf"square root of {_NUMBER}", "The square root of {}", _root),
    (rf"{_NUMBER} (?:squared|square\b)|(?<!root )square of {_NUMBER}", "{} squared", lambda n: n * n),
    (rf"{_NUMBER} cubed|cube of {_NUMBER}", "{} cubed", lambda n: n**3),
    (rf"(?:twice|double) {_NUMBER}", "Twice {}", lambda n: 2 * n),
    (rf"half (?:of )?{_NUMBER}", "Half of {}", lambda n: n / 2),
)
_POWER = re.compile(rf"{_NUMBER} (?:raised )?(?:to|2) the power (?:of )?{_NUMBER}")
_PART = re.compile(rf"(?:a|1) ({'|'.join(_FRACTIONS)}) of {_NUMBER}")


def _answer_special(text: str) -> str | None:
    words = " ".join(numbers_as_digits(text))
    for pattern, question, compute in _ONE:
        if match := re.search(pattern, words):
            value = Fraction(next(group for group in match.groups() if group))
            return _told(question.format(digits(value)), compute(value) if abs(value) <= _LARGEST else None)
    if match := _POWER.search(words):
        base, exponent = (Fraction(group) for group in match.groups())
        result = _power(base, exponent)
        return _told(f"{digits(base)} to the power of {digits(exponent)}", result)
    if match := _PART.search(words):
        value = Fraction(match[2])
        return _told(f"A {match[1]} of {digits(value)}", value / _FRACTIONS[match[1]])
    return None


def _told(question: str, result: Fraction | None) -> str:
    if result is None or abs(result) > _LARGEST:
        return "That is beyond me."
    return f"{question} is {spoken(result)}."


# ------------------------------------------------------------ plus, minus, times, divided by, percent of

_ORDERS = (
    (re.compile(rf"\bmultiply {_NUMBER} (?:by|with|and|times) {_NUMBER}"), r"\1 times \2"),
    (re.compile(rf"\bdivide {_NUMBER} (?:by|through) {_NUMBER}"), r"\1 divided \2"),
    (re.compile(rf"\b(?:subtract|take) {_NUMBER} (?:away )?from {_NUMBER}"), r"\2 minus \1"),
    (re.compile(rf"\badd {_NUMBER} (?:to|with) {_NUMBER}"), r"\1 plus \2"),
)
"""Orders, as the question they mean."""


def _answer_sum(text: str) -> str | None:
    words = " ".join(numbers_as_digits(text))
    for order, question in _ORDERS:
        words = order.sub(question, words)
    terms: list[Fraction] = []
    operators: list[str] = []
    for token in words.split():
        if token[0].isdigit():
            if len(terms) == len(operators):
                terms.append(Fraction(token))
        elif len(terms) == len(operators) + 1 and token in _OPERATORS:
            operators.append(_OPERATORS[token])
        elif token == "of" and operators and operators[-1] == "%":
            operators[-1] = "%of"
    if len(terms) < 2 or len(terms) > _MOST_TERMS:
        return None
    operators = operators[: len(terms) - 1]
    if "%" in operators or max(abs(t) for t in terms) > _LARGEST:
        return None
    question = _said(terms, operators)
    try:
        return f"{question} is {spoken(_value(terms, operators))}."
    except ZeroDivisionError:
        return "Nothing can be divided by zero."


def _value(terms: list[Fraction], operators: list[str]) -> Fraction:
    """Times and divided by first, then plus and minus."""
    sums: list[Fraction] = [terms[0]]
    for operator, term in zip(operators, terms[1:], strict=True):
        if operator == "*":
            sums[-1] *= term
        elif operator == "/":
            sums[-1] /= term
        elif operator == "%of":
            sums[-1] *= term / 100
        else:
            sums.append(term if operator == "+" else -term)
    return sum(sums, Fraction(0))


def _said(terms: list[Fraction], operators: list[str]) -> str:
    names = {"+": "plus", "-": "minus", "*": "times", "/": "divided by", "%of": "percent of"}
    words = [digits(terms[0])]
    for operator, term in zip(operators, terms[1:], strict=True):
        words += [names[operator], digits(term)]
    return " ".join(words)
