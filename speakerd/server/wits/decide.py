"""What to answer to a turn: the rules in their order. Pure.

Ears make mistakes, so a rule looks for its words anywhere in the sentence, not for a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from speakerd.server.settings import FunctionTool, NamedTool
from speakerd.server.wits import chat, clock, device, sums, tools, units
from speakerd.server.wits.heard import Answer, Heard, Memory, Rule, plain, without_wake_word

MAX_QUOTED_CHARS = 120


def decide(
    text: str,
    now: datetime,
    memory: Memory,
    functions: Sequence[FunctionTool] = (),
    choice: str | NamedTool = "auto",
) -> Answer:
    """What to say and to call; an answer without either is silence. `now` is local time with its zone."""
    words = without_wake_word(text)
    if choice == "required" or isinstance(choice, NamedTool):
        call = tools.choose(words, functions, choice)
        if call is not None:
            return Answer(call=call)
    if not re.search(r"\w", words):
        return Answer(_unheard(text, memory))
    memory.unheard_turns = 0
    heard = Heard(words, plain(words), now, memory, () if choice == "none" else tuple(functions))
    answer = next((found for rule in RULES if (found := rule(heard)) is not None), None)
    answer = answer or Answer(f"I did not understand. I heard: {_quoted(words)}")
    memory.last_reply = answer.words or memory.last_reply
    return answer


def is_for_rules(text: str) -> bool:
    """True for turns that need no mind: no words, a wake word alone, "stop"."""
    words = without_wake_word(text)
    return not re.search(r"\w", words) or chat.STOP.search(plain(words)) is not None


def _repeat(heard: Heard) -> Answer | None:
    asked = r" (repeat|say (that|it) again|what did you (just )?say|pardon|come again|once more) "
    if not re.search(asked, heard.plain):
        return None
    return Answer(heard.memory.last_reply or "I have not said anything yet.")


def _function(heard: Heard) -> Answer | None:
    """A function of the client's that was obviously meant."""
    others = [tool for tool in heard.tools if tool.name not in device.NAMES]
    call = tools.choose(heard.text, others, "auto")
    return Answer(call=call) if call is not None else None


RULES: tuple[Rule, ...] = (
    chat.stop, _repeat, *device.RULES, _function, units.rule, sums.rule, clock.rule, *chat.RULES
)  # fmt: skip
"""The first that answers wins."""


def _unheard(text: str, memory: Memory) -> str:
    if re.search(r"\w", text):
        return "Yes?"
    memory.unheard_turns += 1
    # Once is polite. Then be quiet: noise must not keep a conversation with itself.
    return "Sorry, I did not understand that." if memory.unheard_turns == 1 else ""


def dictated(instructions: str) -> str:
    """The words that instructions like `Say exactly: "…"` put into the mouth; "" if they do not."""
    match = re.search(r'\bsay\b[^"“]*["“]([^"”]+)["”]', instructions, re.IGNORECASE)
    return match.group(1).strip() if match else ""


def _quoted(text: str) -> str:
    cut = text if len(text) <= MAX_QUOTED_CHARS else text[:MAX_QUOTED_CHARS].rsplit(" ", 1)[0]
    return re.sub(r"[.!?;:]+(?=\s)", ",", cut.strip().rstrip(".!?,;:")) + "."
