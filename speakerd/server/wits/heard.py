"""What the rules look at, and what they give. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from speakerd.server.settings import FunctionTool


@dataclass(slots=True)
class Memory:
    """What a conversation remembers; the rules change it."""

    last_reply: str = ""
    stories_told: int = 0
    unheard_turns: int = 0
    """Turns in a row in which the ears found no words."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the client to call; `arguments` is JSON."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, and what to call after that."""

    words: str = ""
    call: Call | None = None

    @property
    def calls(self) -> tuple[Call, ...]:
        """The call, if there is one."""
        return () if self.call is None else (self.call,)


@dataclass(frozen=True, slots=True)
class Heard:
    """One turn of the user."""

    text: str
    """As the ears wrote it, without a wake word at its head."""
    plain: str
    """The same in lower case without punctuation, one space around each word: rules look for words in it."""
    now: datetime
    """Local time, with its zone."""
    memory: Memory
    tools: Sequence[FunctionTool] = ()
    """Functions of the client that may be called."""

    def tool(self, name: str) -> FunctionTool | None:
        """The function of that name."""
        return next((tool for tool in self.tools if tool.name == name), None)


Rule: TypeAlias = Callable[[Heard], Answer | None]
"""None: not meant for this rule."""

_WAKE = re.compile(
    r"^\W*(?:(?:(?:hey|hay|hi|okay|ok)\W+)?(?:jarvis|jervis|travis|mycroft|rhasspy|nabu|alexa|alexis)"
    r"|h\W+r\W+(?:v|s|m|miss|this)|(?:each|page) are this)\b[\s,.!?;:-]*",
    re.IGNORECASE,
)
"""A wake word at the head, also as the ears write it: they hear "Hey Jarvis" as "H. R. V." now and then."""


def without_wake_word(text: str) -> str:
    """The text without a wake word at its head: the client may send its end with the first words."""
    return _WAKE.sub("", text, count=1).strip()


def plain(text: str) -> str:
    """Lower case, words and digits only, one space around each."""
    words = re.sub(r"[^a-z0-9 ]", " ", text.lower().replace("'", "").replace("’", ""))
    return f" {' '.join(words.split())} "
