"""Units: "how many feet are in a mile", "convert 10 kilos to pounds", "what is 20 degrees in Fahrenheit". Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from speakerd.server.wits.heard import Answer, Heard
from speakerd.server.wits.numbers import digits, numbers_as_digits, spoken


@dataclass(frozen=True, slots=True)
class Unit:
    """`size` of it in the unit of its kind; a temperature has its zero elsewhere too."""

    kind: str
    size: Fraction
    one: str
    many: str
    zero: Fraction = Fraction(0)


_KINDS = {
    "length": "millimeter 0.001, centimeter 0.01, meter 1, kilometer 1000, inch/inches 0.0254, foot/feet 0.3048, "
    "yard 0.9144, mile 1609.344, nautical mile/nautical miles 1852",
    "mass": "milligram 0.001, gram 1, kilogram 1000, ton 1000000, ounce 28.349523125, pound 453.59237, "
    "stone/stone 6350.29318",
    "volume": "milliliter 0.001, centiliter 0.01, liter 1, teaspoon 0.00492892159375, tablespoon 0.01478676478125, "
    "fluid ounce/fluid ounces 0.0295735295625, cup 0.2365882365, pint 0.473176473, "
    "quart 0.946352946, gallon 3.785411784",
    "time": "second 1, minute 60, hour 3600, day 86400, week 604800, year 31536000",
    "speed": "kilometer an hour/kilometers an hour 1, mile an hour/miles an hour 1.609344, "
    "meter a second/meters a second 3.6, knot 1.852",
    "data": "byte 1, kilobyte 1000, megabyte 1000000, gigabyte 1000000000, terabyte 1000000000000",
}
"""Singular (and plural, where it is no -s) and size. A ton is a metric one, cups and what is larger are American."""

_ALSO = {
    "kilo": "kilogram", "gramme": "gram", "tonne": "ton",
    "kilometer per hour": "kilometer an hour", "mile per hour": "mile an hour", "mph": "mile an hour",
    "kilometers per hour": "kilometer an hour", "miles per hour": "mile an hour", "meters per second": "meter a second",
    "meter per second": "meter a second", "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "kg": "kilogram",
    "lb": "pound", "oz": "ounce", "ml": "milliliter", "kph": "kilometer an hour",
}  # fmt: skip
_DEGREES = {
    "celsius": Unit("temperature", Fraction(1), "degree Celsius", "degrees Celsius"),
    "fahrenheit": Unit("temperature", Fraction(5, 9), "degree Fahrenheit", "degrees Fahrenheit", Fraction(-160, 9)),
    "kelvin": Unit("temperature", Fraction(1), "kelvin", "kelvin", Fraction("-273.15")),
}


def _table() -> dict[str, Unit]:
    units = dict(_DEGREES) | {"centigrade": _DEGREES["celsius"]}
    for kind, entries in _KINDS.items():
        for entry in entries.split(", "):
            names, _, size = entry.rpartition(" ")
            one, _, many = names.partition("/")
            unit = Unit(kind, Fraction(size), one, many or f"{one}s")
            units |= {unit.one: unit, unit.many: unit}
    for name, meant in _ALSO.items():
        units |= {name: units[meant], f"{name}s": units[meant]}
    return units


UNITS = _table()
_FLUID = UNITS["fluid ounce"]
_MENTION = re.compile(
    r"(?:(?P<sign>minus |- )?(?P<number>\d+(?:\.\d+)?|\ban?|\bhalf an?) )?(?:degrees? )?\b"
    rf"(?P<unit>{'|'.join(sorted(UNITS, key=len, reverse=True))})\b"
)


def rule(heard: Heard) -> Answer | None:
    """Convert, if two units of one kind are spoken of."""
    american = re.sub(r"(?<=met|lit)re(?=s?\b)", "er", heard.text, flags=re.IGNORECASE)
    words = " ".join(numbers_as_digits(american))
    found = [(match, UNITS[match["unit"]]) for match in _MENTION.finditer(words)]
    if len(found) != 2 or not re.search(r"\b(how|what|whats|convert|change|in|to|into)\b", words):
        return None
    amounts = [_amount(match) for match, _ in found]
    source = _source(amounts, words)
    if source is None:
        return None
    have, want = found[source][1], found[1 - source][1]
    have, want = _fluid(have, want)
    if have.kind != want.kind or have == want:
        return None
    return Answer(_told(amounts[source] or Fraction(1), have, want))


def _source(amounts: list[Fraction | None], words: str) -> int | None:
    """Which of the two mentions is what there is: the one with a number, else the second of "how many X in Y"."""
    if (amounts[0] is None) != (amounts[1] is None):
        return 0 if amounts[0] is not None else 1
    return 1 if re.search(r"\bhow (many|much)\b", words) else 0 if amounts[0] is not None else None


def _amount(match: re.Match[str]) -> Fraction | None:
    number = match["number"]
    if number is None:
        return None
    value = {"a": Fraction(1), "an": Fraction(1), "half": Fraction(1, 2)}.get(number.split()[0])
    value = Fraction(number) if value is None else value
    return -value if match["sign"] else value


def _fluid(have: Unit, want: Unit) -> tuple[Unit, Unit]:
    """An ounce beside a volume is a fluid one."""
    if have.one == "ounce" and want.kind == "volume":
        return _FLUID, want
    if want.one == "ounce" and have.kind == "volume":
        return have, _FLUID
    return have, want


def _told(amount: Fraction, have: Unit, want: Unit) -> str:
    result = (amount * have.size + have.zero - want.zero) / want.size
    said = spoken(result)
    source, target = (have.one if amount == 1 else have.many), (want.one if said == "1" else want.many)
    return f"{digits(amount)} {source} {'is' if amount == 1 else 'are'} {said} {target}."
