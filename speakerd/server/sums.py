"""Sums as people say them: "what is seventeen plus 25", "3 times 4 minus 2", "15 percent of 80". Pure."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_WORDS = {word: value for value, word in enumerate(_UNITS)}
_WORDS |= {word: 20 + 10 * i for i, word in enumerate(_TENS)} | {"fourty": 40, "a": 1}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_OPERATORS = {
    "+": "+", "plus": "+", "and": "+", "added": "+",
    "-": "-", "−": "-", "minus": "-", "less": "-", "subtract": "-",
    "*": "*", "x": "*", "×": "*", "times": "*", "multiplied": "*",
    "/": "/", "÷": "/", "divided": "/", "over": "/",
    "percent": "%", "%": "%",
}  # fmt: skip
_TOKEN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[a-z]+|[-+*/x×÷−%]")


def numbers_as_digits(text: str) -> list[str]:
    """Lower-case tokens of `text`, each run of number words as one token of digits."""
    tokens = _TOKEN.findall(re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text.lower()))
    result: list[str] = []
    place = 0
    while place < len(tokens):
        value, used = _number(tokens[place:])
        result.append(_digits(value) if value is not None else tokens[place])
        place += used
    return result


def _number(tokens: list[str]) -> tuple[Fraction | None, int]:
    """The number that begins the tokens, and how many of them it takes (at least one)."""
    if tokens[0][0].isdigit():
        value = Fraction(tokens[0].replace(",", ""))
        used = 1
        while used < len(tokens) and tokens[used] in ("thousand", "million"):
            value *= _SCALES[tokens[used]]
            used += 1
        return value, used
    if tokens[0] not in _WORDS or (tokens[0] == "a" and (len(tokens) < 2 or tokens[1] not in _SCALES)):
        return None, 1
    total, current, used, last = 0, 0, 0, 1_000
    for token in tokens:
        if token in _SCALES:
            scale = _SCALES[token]
            if scale == 100:
                current = max(1, current) * 100
            else:
                total, current = total + max(1, current) * scale, 0
            last = 1_000
        elif token == "and" and last == 1_000 and used + 1 < len(tokens) and tokens[used + 1] in _WORDS:
            pass
        elif token in _WORDS and token != "a" and (last >= 100 or (last >= 20 and _WORDS[token] < 10)):
            current += _WORDS[token]
            last = _WORDS[token]
        elif used == 0:
            current, last = 1, 1_000
        else:
            break
        used += 1
    value = Fraction(total + current)
    if used + 1 < len(tokens) and tokens[used] == "point" and tokens[used + 1] in _WORDS:
        digits = ""
        while used + 1 < len(tokens) and _WORDS.get(tokens[used + 1], 10) < 10 and tokens[used + 1] != "a":
            digits += str(_WORDS[tokens[used + 1]])
            used += 1
        return value + Fraction(int(digits), 10 ** len(digits)), used + 1
    return value, used


def _digits(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else str(float(value))


def spoken(value: Fraction) -> str:
    """A result for the voice: at most two decimals, "about" when rounded."""
    if value.denominator == 1:
        return str(value.numerator)
    rounded = round(float(value), 2)
    text = f"{rounded:.2f}".rstrip("0").rstrip(".")
    return text if Fraction(text) == value else f"about {text}"


def answer_sum(text: str) -> str | None:
    """The spoken answer if the text holds a sum, also a misheard one ("mine times ate"); else None."""
    return _answer_sum(text) or _answer_sum(_MISHEARD.sub(lambda m: _MEANT[m[0].lower()], text))


_MEANT = {"won": "one", "to": "two", "too": "two", "for": "four", "ate": "eight", "mine": "nine"}
_MISHEARD = re.compile(rf"\b(?:{'|'.join(_MEANT)})\b", re.IGNORECASE)


def _answer_sum(text: str) -> str | None:
    terms: list[Fraction] = []
    operators: list[str] = []
    for token in numbers_as_digits(text):
        if token[0].isdigit():
            if len(terms) == len(operators):
                terms.append(Fraction(token))
        elif len(terms) == len(operators) + 1 and token in _OPERATORS:
            operators.append(_OPERATORS[token])
        elif token == "of" and operators and operators[-1] == "%":
            operators[-1] = "%of"
    if len(terms) < 2 or len(terms) > 20:
        return None
    operators = operators[: len(terms) - 1]
    if "%" in operators or max(abs(t) for t in terms) > 10**15:
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
    words = [_digits(terms[0])]
    for operator, term in zip(operators, terms[1:], strict=True):
        words += [names[operator], _digits(term)]
    return " ".join(words)
