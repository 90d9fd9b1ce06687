"""The wits: what to answer to what was heard. Rules, not a mind, and they say so. Pure.

Ears make mistakes, so a rule looks for its words anywhere in the sentence, not for a sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from speakerd.server.story import STORIES
from speakerd.server.sums import answer_sum

MAX_QUOTED_CHARS = 120
MAX_OUTPUT_CHARS = 600


@dataclass(slots=True)
class Memory:
    """What a conversation remembers; `answer` changes it."""

    last_reply: str = ""
    stories_told: int = 0
    unheard_turns: int = 0
    """Turns in a row in which the ears found no words."""


_WAKE = re.compile(
    r"^\W*(?:(?:(?:hey|hay|hi|okay|ok)\W+)?(?:jarvis|jervis|travis|mycroft|rhasspy|nabu|alexa|alexis)"
    r"|h\W+r\W+(?:v|s|m|miss|this)|(?:each|page) are this)\b[\s,.!?;:-]*",
    re.IGNORECASE,
)
"""A wake word at the head, also as the ears write it: they hear "Hey Jarvis" as "H. R. V." now and then."""


def without_wake_word(text: str) -> str:
    """The text without a wake word at its head: the client may send its end with the first words."""
    return _WAKE.sub("", text, count=1).strip()


def answer(heard: str, now: datetime, memory: Memory) -> str:
    """What to say to `heard`; "" to keep silent. `now` is local time."""
    text = without_wake_word(heard)
    if not re.search(r"\w", text):
        return _unheard(heard, memory)
    memory.unheard_turns = 0
    plain = re.sub(r"[^a-z0-9 ]", " ", text.lower().replace("'", "").replace("’", ""))
    plain = f" {' '.join(plain.split())} "
    if re.search(r" (repeat|say (that|it) again|what did you say|pardon|come again)", plain):
        return memory.last_reply or "I have not said anything yet."
    reply = _reply(plain, text, now, memory)
    memory.last_reply = reply
    return reply


def _reply(plain: str, text: str, now: datetime, memory: Memory) -> str:
    for pattern, rule in _RULES:
        if re.search(pattern, plain):
            return rule(now, memory)
    return answer_sum(text) or f"I did not understand. I heard: {_quoted(text)}"


def _unheard(heard: str, memory: Memory) -> str:
    if re.search(r"\w", heard):
        return "Yes?"
    memory.unheard_turns += 1
    # Once is polite. Then be quiet: noise must not keep a conversation with itself.
    return "Sorry, I did not understand that." if memory.unheard_turns == 1 else ""


def _quoted(text: str) -> str:
    cut = text if len(text) <= MAX_QUOTED_CHARS else text[:MAX_QUOTED_CHARS].rsplit(" ", 1)[0]
    return re.sub(r"[.!?;:]+(?=\s)", ",", cut.strip().rstrip(".!?,;:")) + "."


def _time(now: datetime, _: Memory) -> str:
    hour = now.hour % 12 or 12
    return f"It is {hour}:{now.minute:02d} {'AM' if now.hour < 12 else 'PM'}." if now.minute else _full_hour(now, hour)


def _full_hour(now: datetime, hour: int) -> str:
    return {0: "It is midnight.", 12: "It is noon."}.get(now.hour, f"It is {hour} o'clock.")


def _date(now: datetime, _: Memory) -> str:
    return f"Today is {now:%A}, {now:%B} {now.day}, {now.year}."


def _tomorrow(now: datetime, _: Memory) -> str:
    day = datetime.fromordinal(now.toordinal() + 1)
    return f"Tomorrow is {day:%A}, {day:%B} {day.day}."


def _story(_: datetime, memory: Memory) -> str:
    story = STORIES[memory.stories_told % len(STORIES)]
    memory.stories_told += 1
    return story


def _always(reply: str) -> Callable[[datetime, Memory], str]:
    return lambda _now, _memory: reply


_CAN_DO = "I can tell you the time and the date, do sums, and tell a story."
GREETING = f"Hello. {_CAN_DO}"
"""When a response is asked for and nobody has said anything."""
_NO_WEATHER = f"I cannot look up the weather. I run on this device alone, without the internet. {_CAN_DO}"
_HELP = f"{_CAN_DO} I can repeat what I said. Everything stays on this device."
_WHO = "I am the assistant inside this speaker. I follow simple rules, and I work without the internet."
_STOP = (
    r"^ (please )?(stop|step|stup|stuck|stopped|quiet|be quiet|shut up|cancel|never mind|enough|thats enough|stop it) $"
)
_ASKS_TIME = (
    r" (what|whats|tell|current|know|how) .*\btime\b(?! (is|was) (a|an)\b)"
    r"|^ (the )?time( please| is it| now)* $| how late "
)
_ASKS_DATE = r" (date|today|to day|what day|which day|day is it|what month|what year|which year) "

_RULES: tuple[tuple[str, Callable[[datetime, Memory], str]], ...] = (
    (_STOP, _always("Okay.")),
    (r" (thank you|thanks|thank) ", _always("You are welcome.")),
    (r" (good ?bye?|bye|good night|see you) ", _always("Goodbye.")),
    (r" (story|stories|tale) ", _story),
    (r" (weather|forecast|rain|sunny) ", _always(_NO_WEATHER)),
    (_ASKS_TIME, _time),
    (r" tomorrow .*(date|day)| (date|day) .*tomorrow | tomorrow $", _tomorrow),
    (_ASKS_DATE, _date),
    (r" (what can you|can you do|help|what do you do|how do you work) ", _always(_HELP)),
    (r" (who are you|what are you|your name|are you (a |an )?(real|human|robot|person|machine)) ", _always(_WHO)),
    (r" how (are|do) you ", _always("I am a small program, so I am never ill. What can I do for you?")),
    (r" (joke|funny) ", _always("I know no jokes that you would laugh at. I can tell you a story instead.")),
    (r"^ (hello|hi|hey|good (morning|afternoon|evening))( there)? $", _always("Hello. What can I do for you?")),
    (r"^ (yes|no|okay|ok|yeah|nope|fine|alright|all right) $", _always("All right.")),
)
"""Pattern over the words (lower case, one space around each), and what to say; the first that is found wins."""


def dictated(instructions: str) -> str:
    """The words that instructions like `Say exactly: "…"` put into the mouth; "" if they do not."""
    match = re.search(r'\bsay\b[^"“]*["“]([^"”]+)["”]', instructions, re.IGNORECASE)
    return match.group(1).strip() if match else ""


def answer_from_output(output: str) -> str:
    """Say what a function of the client returned."""
    try:
        value = json.loads(output)
    except (ValueError, RecursionError):
        value = output
    said = _said(value, depth=0).strip()
    if not said:
        return "That is done."
    if len(said) > MAX_OUTPUT_CHARS:
        said = said[:MAX_OUTPUT_CHARS].rsplit(" ", 1)[0]
    said = said[0].upper() + said[1:]
    return said if said[-1] in ".!?" else f"{said}."


def _said(value: object, depth: int) -> str:
    if isinstance(value, dict) and depth < 4:
        parts = (f"{_name(str(key))}: {_said(part, depth + 1)}" for key, part in list(value.items())[:12])
        return ", ".join(parts) if len(value) != 1 or depth else _said(next(iter(value.values())), depth + 1)
    if isinstance(value, list) and depth < 4:
        return ", ".join(_said(part, depth + 1) for part in value[:12])
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    return str(value)


def _name(key: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key).replace("_", " ").lower()
