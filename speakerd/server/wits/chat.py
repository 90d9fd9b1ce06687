"""Small talk that does not pretend, and honest refusals. Pure."""

from __future__ import annotations

import re

from speakerd.server.wits import device
from speakerd.server.wits.heard import Answer, Heard, Rule
from speakerd.server.wits.story import STORIES

MAX_TOLD_TOOLS = 6

_CAN_DO = "I can tell you the time and the date, do sums, convert units, and tell a story."
GREETING = f"Hello. {_CAN_DO}"
"""When a response is asked for and nobody has said anything."""
_OWN_NAMES = {
    device.VOLUME: "change the volume",
    device.MUTE: "mute the loudspeaker",
    device.COST: "tell what I have cost",
    device.SENT: "tell what was sent",
}

STOP = re.compile(
    r"^ (please )?(stop|step|stup|stuck|stopped|stop it|quiet|be quiet|shut up|cancel|never ?mind|enough|thats enough)"
    r" (please )?$"
)

_SAID: tuple[tuple[str, str], ...] = (
    (r" (thank you|thanks|thank) ", "You are welcome."),
    (r" (who are you|what are you|your name|are you (a |an )?(real|human|robot|person|machine|alive)|who made you) ",
     "I am the assistant inside this speaker: a small program of simple rules, and I work without the internet."),
    (r" are you (online|offline|connected)|(use|need|have) (the )?internet ",
     "No. I work on this device alone, without the internet."),
    (r" how (are|do) you ", "I am a small program, so I am never ill. What can I do for you?"),
    (r" how old are you ", "I do not have a birthday. I am a program."),
    (r" (joke|funny|make me laugh) ", "I know no jokes that you would laugh at. I can tell you a story instead."),
    (r" (i love you|do you love|like me) ", "That is kind, but I am a program, and I feel nothing."),
    (r" (good (boy|job|work)|well done|you are (great|good|nice|smart)) ", "Thank you. I do what my rules say."),
    (r" (are you there|can you hear me|testing|test) ", "I can hear you."),
    (r"^ (sorry|excuse me) $", "Never mind."),
    (r"^ (hello|hi|hey|good (morning|afternoon|evening))( there)? $", "Hello. What can I do for you?"),
    (r"^ (yes|no|okay|ok|yeah|nope|fine|alright|all right) $", "All right."),
)  # fmt: skip
"""Pattern over the words, and what to say; the first that is found wins."""

_CANNOT: tuple[tuple[str, str], ...] = (
    (r" (weather|forecast|raining|rain|sunny|snow|temperature outside|umbrella) ", "look up the weather"),
    (r" (news|headlines) ", "tell the news"),
    (r" (music|song|songs|radio|playlist|album|podcast|audiobook) ", "play music"),
    (r" (timer|timers|alarm|alarms|remind|reminder|wake me) ", "set timers, alarms and reminders"),
    (r" (call|phone|dial|text|message|email|mail) ", "call anyone or send messages"),
    (r" (shopping list|to do list|todo list|calendar|appointment|meeting) ", "keep lists and calendars"),
    (
        r" (lamp|lamps|light|lights|heating|thermostat|television|tv|blinds|door|fan|plug) ",
        "switch anything in the house",
    ),
    (r" (traffic|directions|navigate|bus|train|flight|restaurant|restaurants|nearby) ", "find the way"),
    (r" (order|buy|book) ", "order anything"),
    (r" translate | (in|into) (spanish|german|french|italian|chinese|japanese) ", "translate"),
)
"""What people ask for and what that is called. A function of the client that can do it has been asked before."""

_LOOK_UP = (
    r"^ (please )?(who|where|when|why|which|what is|what are|what was|what were|what does|whats|"
    r"how (tall|old|far|big|many|much|long|do|does|did|is)|"
    r"tell me (about|who|what|why)|search|look up|google|define|do you know) "
)


def abilities(heard: Heard) -> str:
    """What it can do, with what the client lends it."""
    names = [tool.name for tool in heard.tools if tool.name not in (device.END, "time_and_date")]
    lent = [_OWN_NAMES.get(name, _readable(name)) for name in names][:MAX_TOLD_TOOLS]
    return f"{_CAN_DO} On this speaker I can also {_listed(lent)}." if lent else _CAN_DO


def help_(heard: Heard) -> Answer | None:
    """What it can do."""
    asked = (
        r" (what (can|could|else can) you|can you do|able to do|help|what do you do|how do you work|what do you know) "
    )
    if not re.search(asked, heard.plain):
        return None
    return Answer(f"{abilities(heard)} I repeat what I said, if you ask. Everything stays on this device.")


def story(heard: Heard) -> Answer | None:
    """One story after the other."""
    if not re.search(r" (story|stories|tale|fairytale) ", heard.plain):
        return None
    told = STORIES[heard.memory.stories_told % len(STORIES)]
    heard.memory.stories_told += 1
    return Answer(told)


def stop(heard: Heard) -> Answer | None:
    """Be quiet."""
    return Answer("Okay.") if STOP.search(heard.plain) else None


def chance(heard: Heard) -> Answer | None:
    """A coin or a die. Nobody can tell the microsecond in which a turn ends, so that decides."""
    if re.search(r" (flip|toss|throw) (a )?(coin|quarter) | heads or tails ", heard.plain):
        return Answer(("Heads.", "Tails.")[heard.now.microsecond // 10 % 2])
    if re.search(r" (roll|throw) (a |the )?(die|dice|dye) ", heard.plain):
        return Answer(f"{heard.now.microsecond // 10 % 6 + 1}.")
    return None


def spelling(heard: Heard) -> Answer | None:
    """A word, letter by letter."""
    match = re.search(r" (?:spell|how do you spell) (?:the word )?([a-z]{2,20}) ", heard.plain)
    return Answer(f"{match[1]}: {', '.join(match[1].upper())}.") if match else None


def small_talk(heard: Heard) -> Answer | None:
    """What needs no knowledge."""
    return next((Answer(said) for pattern, said in _SAID if re.search(pattern, heard.plain)), None)


def cannot(heard: Heard) -> Answer | None:
    """Say so, where people expect it and nothing here can do it."""
    for pattern, what in _CANNOT:
        if re.search(pattern, heard.plain):
            return Answer(f"I cannot {what}. I run on this device alone, without the internet. {abilities(heard)}")
    if re.search(_LOOK_UP, heard.plain):
        return Answer("I cannot look that up. I know little, and I work without the internet.")
    return None


def _readable(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").lower()


def _listed(things: list[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"


RULES: tuple[Rule, ...] = (help_, story, chance, spelling, small_talk, cannot)
