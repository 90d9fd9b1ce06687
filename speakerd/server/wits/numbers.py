"""Numbers as people say them, and as the voice should. Pure."""

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
_TOKEN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[a-z]+|[-+*/x×÷−%]")


def numbers_as_digits(text: str) -> list[str]:
    """Lower-case tokens of `text`, each run of number words as one token of digits."""
    tokens = _TOKEN.findall(re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text.lower()))
    result: list[str] = []
    place = 0
    while place < len(tokens):
        value, used = _number(tokens[place:])
        result.append(digits(value) if value is not None else tokens[place])
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
        decimals = ""
        while used + 1 < len(tokens) and _WORDS.get(tokens[used + 1], 10) < 10 and tokens[used + 1] != "a":
            decimals += str(_WORDS[tokens[used + 1]])
            used += 1
        return value + Fraction(int(decimals), 10 ** len(decimals)), used + 1
    return value, used


def digits(value: Fraction) -> str:
    """A number as it was said."""
    return str(value.numerator) if value.denominator == 1 else str(float(value))


def spoken(value: Fraction) -> str:
    """A result for the voice: at most two decimals, or three figures of what is smaller; "about" when rounded."""
    if value.denominator == 1:
        return str(value.numerator)
    places = 2 if abs(value) >= Fraction(1, 100) else 2 - _magnitude(value)
    text = f"{float(value):.{places}f}".rstrip("0").rstrip(".")
    return text if Fraction(text) == value else f"about {text}"


def _magnitude(value: Fraction) -> int:
    """The power of ten of its first figure."""
    return int(f"{float(value):e}".rpartition("e")[2])
