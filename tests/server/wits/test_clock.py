"""Time and dates."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from speakerd.server.wits.clock import rule
from speakerd.server.wits.heard import Heard, Memory, plain
from speakerd.server.wits.places import PLACES, place_in

NOW = datetime(2026, 3, 4, 15, 7, tzinfo=timezone(timedelta(hours=1)))


def tell(text: str, now: datetime = NOW) -> str | None:
    answer = rule(Heard(text, plain(text), now, Memory()))
    return None if answer is None else answer.words


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("What time is it?", "It is 3:07 PM."),
        ("What time is it in Tokyo?", "It is 11:07 PM in Tokyo."),
        ("What's the time in Sydney?", "It is 1:07 AM on Thursday in Sydney."),
        ("What time is it in New York right now?", "It is 9:07 AM in New York."),
        ("What time is it in India?", "It is 7:37 PM in India."),
        ("What time is it in Gotham?", "I do not know the time there."),
        ("What is today's date?", "Today is Wednesday, March 4, 2026."),
        ("Which weekday is tomorrow?", "Tomorrow is Thursday, March 5."),
        ("What was the date yesterday?", "Yesterday was Tuesday, March 3."),
        ("What day is the day after tomorrow?", "The day after tomorrow is Friday, March 6."),
        ("Is it Wednesday today?", "Yes, today is Wednesday."),
        ("Is today a Friday?", "No, today is Wednesday."),
        ("What year is it?", "It is 2026."),
        ("What month is it?", "It is March 2026."),
        ("What week is it?", "It is week 10."),
        ("How many days until Christmas?", "Friday, December 25, is in 296 days."),
        ("How long is it until the first of April?", "Wednesday, April 1, is in 28 days."),
        ("How many days until Friday?", "Friday, March 6, is in 2 days."),
        ("How many days until March 5th?", "That is tomorrow, in 1 day."),
        ("How many days until March 4th?", "That is today."),
        ("How many days until Wednesday?", "Wednesday, March 11, is in 7 days."),
        ("How many days until the twenty-ninth of February?", "Tuesday, February 29, is in 727 days."),
        ("What day of the week is the fourth of July?", "That is Saturday, July 4, 2026."),
        ("When is Halloween?", "That is Saturday, October 31, 2026."),
        ("What's the date on Friday?", "That is Friday, March 6, 2026."),
    ],
)
def test_what_a_calendar_knows(said: str, answer: str):
    assert tell(said) == answer


@pytest.mark.parametrize("said", ["How long is the Nile?", "When is the next bus?", "Thank you", "How many days until"])
def test_what_it_does_not(said: str):
    assert tell(said) is None


def test_every_place_has_its_zone():
    for name in PLACES:
        found = place_in(f" what time is it in {name} ")
        assert found is not None, name
        assert isinstance(found[1], ZoneInfo)
