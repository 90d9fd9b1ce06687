"""Time, date, weekdays, and how long it is until a day. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from speakerd.server.wits.heard import Answer, Heard
from speakerd.server.wits.places import place_in

_MONTHS = re.findall(r"\w+", "january february march april may june july august september october november december")
_DAYS = re.findall(r"\w+", "monday tuesday wednesday thursday friday saturday sunday")
_ORDINALS = re.findall(
    r"\w+",
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth",
)
_FEASTS = {
    "christmas eve": (12, 24), "christmas": (12, 25), "new years eve": (12, 31), "new years day": (1, 1),
    "new year": (1, 1), "new years": (1, 1), "halloween": (10, 31), "valentines day": (2, 14),
    "independence day": (7, 4), "st patricks day": (3, 17), "saint patricks day": (3, 17),
}  # fmt: skip
_ASKS_TIME = (
    r" (what|whats|tell|current|know|how) .*\btime\b(?! (is|was) (a|an)\b)"
    r"|^ (the )?time( please| is it| now| in .*)* $| how late | time is it "
)
_ASKS_DATE = r" (date|today|to day|what day|which day|day is it) "


def rule(heard: Heard) -> Answer | None:
    """Answer what a clock and a calendar know."""
    for pattern, answer in _RULES:
        if re.search(pattern, heard.plain) and (words := answer(heard.plain, heard.now)):
            return Answer(words)
    return None


# ------------------------------------------------------------ the time


def clock_words(now: datetime) -> str:
    """The time of day as people say it."""
    hour = now.hour % 12 or 12
    if now.minute:
        return f"{hour}:{now.minute:02d} {'AM' if now.hour < 12 else 'PM'}"
    return {0: "midnight", 12: "noon"}.get(now.hour, f"{hour} o'clock")


def _time(plain: str, now: datetime) -> str:
    place = place_in(plain)
    if place is not None:
        name, zone = place
        there = now.astimezone(zone)
        day = "" if there.date() == now.date() else f" on {there:%A}"
        return f"It is {clock_words(there)}{day} in {name}."
    if re.search(r" time is it in (?!here|the (morning|evening|afternoon))| time in ", plain):
        return "I do not know the time there."
    return f"It is {clock_words(now)}."


# ------------------------------------------------------------ the date


def _day(day: date) -> str:
    return f"{day:%A}, {day:%B} {day.day}"


def _today(_: str, now: datetime) -> str:
    return f"Today is {_day(now.date())}, {now.year}."


def _beside_today(plain: str, now: datetime) -> str:
    days, name = 1, "Tomorrow is"
    if " yesterday " in plain:
        days, name = -1, "Yesterday was"
    if " day after tomorrow " in plain:
        days, name = 2, "The day after tomorrow is"
    if " day before yesterday " in plain:
        days, name = -2, "The day before yesterday was"
    return f"{name} {_day(now.date() + timedelta(days=days))}."


def _which_weekday(plain: str, now: datetime) -> str:
    asked = re.search(rf" is (it|today) (a )?({'|'.join(_DAYS)}) ", plain)
    right = asked is not None and asked[3] == _DAYS[now.weekday()]
    return f"{'Yes' if right else 'No'}, today is {now:%A}."


def _until(plain: str, now: datetime) -> str:
    today = now.date()
    day = _named(plain, today)
    if day is None:
        return ""
    days = (day - today).days
    how_long = "today" if days == 0 else "tomorrow, in 1 day" if days == 1 else f"in {days} days"
    return f"{_day(day)}, is {how_long}." if days > 1 else f"That is {how_long}."


def _when(plain: str, now: datetime) -> str:
    day = _named(plain, now.date())
    return f"That is {_day(day)}, {day.year}." if day is not None else ""


def _named(plain: str, today: date) -> date | None:
    """The next day that the words name: a feast, a date, a weekday."""
    for feast, (month, day) in _FEASTS.items():
        if f" {feast} " in plain:
            return _next(today, month, day)
    month_name = next((month for month in _MONTHS if f" {month} " in plain), None)
    if month_name is not None and (number := _day_of_month(plain)):
        return _next(today, _MONTHS.index(month_name) + 1, number)
    weekday = next((day for day in _DAYS if f" {day} " in plain), None)
    if weekday is not None:
        return today + timedelta(days=(_DAYS.index(weekday) - today.weekday() - 1) % 7 + 1)
    return None


def _day_of_month(plain: str) -> int | None:
    match = re.search(r" (\d{1,2})(st|nd|rd|th)? ", plain)
    if match:
        return int(match[1])
    tens, words = 0, plain.split()
    for word in words:
        if word in _ORDINALS:
            return tens + _ORDINALS.index(word) + 1
        tens = {"twenty": 20, "thirty": 30}.get(word, 0)
        if word == "thirtieth":
            return 30
    return None


def _next(today: date, month: int, day: int) -> date | None:
    for year in range(today.year, today.year + 9):  # 29 February may be eight years away
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    return None


_RULES: tuple[tuple[str, Callable[[str, datetime], str]], ...] = (
    (r" (until|till|to|before) .*| how (long|far) .* (from|away) ", lambda p, n: _until(p, n) if _asks_span(p) else ""),
    (r" (what|which|when|whats) .*(day|date|when|weekday) .*| when is ", _when),
    (_ASKS_TIME, _time),
    (r" (tomorrow|yesterday) .*(date|day)| (date|day|weekday) .*(tomorrow|yesterday) |^ (tomorrow|yesterday) $",
     _beside_today),
    (rf" is (it|today) (a )?({'|'.join(_DAYS)}) ", _which_weekday),
    (r" (what|which|whats) (is |the |current )*year ", lambda _, now: f"It is {now.year}."),
    (r" (what|which|whats) (is |the |current )*month ", lambda _, now: f"It is {now:%B} {now.year}."),
    (r" (what|which) week |week (number|of the year)", lambda _, now: f"It is week {now.isocalendar().week}."),
    (_ASKS_DATE + r"| (what|which) .*weekday ", _today),
)  # fmt: skip
"""Pattern over the words, and what to say ("" for nothing); the first that says something wins."""


def _asks_span(plain: str) -> bool:
    return re.search(r" (how (many (days|weeks)|long|far)|days (until|till|to)) ", plain) is not None
