"""What the speaker lends the assistant: volume, mute, costs, goodbye; done by the session's own functions. Pure."""

from __future__ import annotations

import json
import re

from speakerd.server.wits.heard import Answer, Call, Heard, Rule
from speakerd.server.wits.numbers import numbers_as_digits

STEP_PERCENT = 10
LARGE_STEP_PERCENT = 30

VOLUME = "set_volume"
MUTE = "mute_loudspeaker"
COST = "what_did_it_cost"
SENT = "what_was_sent_today"
END = "end_conversation"
NAMES = frozenset({VOLUME, MUTE, COST, SENT, END, "time_and_date"})
"""Functions that these rules (and the clock's) answer for."""

_IT = r"(it|this|that|the (volume|sound)|yourself|volume)? ?(all the way )?"
_UP = (
    rf" (turn|turning|put|crank|bring) {_IT}up | louder | speak up | too quiet "
    r"| (increase|raise|more) (the )?(volume|sound) | volume up | up (the )?volume "
)
_DOWN = (
    rf" (turn|turning|put|bring) {_IT}down | quieter | softer | too loud "
    r"| (decrease|lower|reduce|less) (the )?(volume|sound) | volume down | down (the )?volume | not so loud "
)
_ABOUT_VOLUME = r" (volume|loudness|sound level) "
_UNMUTE = r" (unmute|un mute|on mute off|sound on|mute off|unmuted) "
_MUTE = r" (mute|muted|silence (yourself|the (speaker|loudspeaker|sound))|sound off) "
_COST = r" (cost|costs|spent|spend|spending|expensive|how much money|budget) "
_SENT = (
    r" (sent|send|sends|uploaded|upload|transmit|transmitted) .*(network|internet|cloud|today|data|sound|server|away)"
    r"| (what|how much) (did|have|do) you (sent|send) "
    r"| (privacy|spy|spying|record(ing)? (me|us)) "
)
_BYE = r" (good ?bye?|bye|bye bye|good night|see (you|ya)|talk to you later|thats all|farewell) "


def volume(heard: Heard) -> Answer | None:
    """Set it, change it, tell it."""
    arguments = _volume_arguments(heard)
    if arguments is None:
        return None
    if heard.tool(VOLUME) is None:
        return None if _other_volume(heard) else Answer("I cannot change the volume from here.")
    return Answer(call=Call(VOLUME, json.dumps(arguments)))


def _volume_arguments(heard: Heard) -> dict[str, int] | None:
    plain = heard.plain
    up, down, about = (re.search(p, plain) is not None for p in (_UP, _DOWN, _ABOUT_VOLUME))
    if not (up or down or about or re.search(r" how loud ", plain)):
        return None
    number = next((int(float(t)) for t in numbers_as_digits(heard.text) if t[0].isdigit()), None)
    if number is not None and not (" by " in plain and (up or down)):
        return {"percent": min(100, number)}
    if re.search(r" (max|maximum|full|all the way up|highest|loudest) ", plain):
        return {"percent": 100}
    if re.search(r" (min|minimum|lowest|all the way down|quietest) ", plain):
        return {"percent": STEP_PERCENT}
    if about and re.search(r" half ", plain):
        return {"percent": 50}
    if up or down:
        step = number or (LARGE_STEP_PERCENT if re.search(r" (a lot|much) ", plain) else STEP_PERCENT)
        return {"change": -step if down else step}
    return {} if re.search(r" (what|whats|how|tell|which) ", plain) else None


def _other_volume(heard: Heard) -> bool:
    """True if the client has a volume of its own making: then it is called as any other function."""
    return any("volume" in tool.name.lower() for tool in heard.tools)


def mute(heard: Heard) -> Answer | None:
    """Silence the loudspeaker, or let it sound."""
    off = re.search(_UNMUTE, heard.plain) is not None
    if not off and not re.search(_MUTE, heard.plain):
        return None
    if heard.tool(MUTE) is None:
        return Answer("I cannot mute this loudspeaker.")
    return Answer(call=Call(MUTE, json.dumps({"muted": not off})))


def costs(heard: Heard) -> Answer | None:
    """What it cost."""
    if not re.search(_COST, heard.plain):
        return None
    if heard.tool(COST) is None:
        return Answer("I cost nothing. I run on this device alone.")
    return Answer(call=Call(COST, "{}"))


def sent(heard: Heard) -> Answer | None:
    """What left this machine."""
    if not re.search(_SENT, heard.plain):
        return None
    if heard.tool(SENT) is None:
        return Answer("What you say to me stays on this device.")
    return Answer(call=Call(SENT, "{}"))


def goodbye(heard: Heard) -> Answer | None:
    """Part, and end the conversation where that can be done."""
    if not re.search(_BYE, heard.plain):
        return None
    return Answer("Goodbye.", Call(END, "{}") if heard.tool(END) is not None else None)


RULES: tuple[Rule, ...] = (goodbye, mute, volume, costs, sent)
