"""Which function of the client a request means, and with which arguments. Rules, and only the obvious. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from speakerd.server.settings import FunctionTool, Json, NamedTool
from speakerd.server.wits.heard import Call
from speakerd.server.wits.numbers import numbers_as_digits

_EMPTY = frozenset(
    re.findall(
        r"\w+",
        "get set fetch find tell show give do make the a an of for to in on at is it what whats me my i you "
        "current currently now please can could use call this that always when user asks about from with by and or "
        "returns return city function tool information any some questions question",
    )
)
"""Words that say nothing about which tool is meant."""
_PLACE = re.compile(r"\b(?:in|for|at|near)\s+([A-Za-z][\w'-]*(?:\s+[A-Z][\w'-]*)*)")
_NOT_PLACES = {"today", "tomorrow", "now", "the", "me", "a", "please", "this"}


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_SPAN = re.compile(r"(\d+(?:\.\d+)?|\ban?|\bhalf an?) (second|minute|hour|day)s?\b")


def choose(text: str, tools: Sequence[FunctionTool], choice: str | NamedTool) -> Call | None:
    """The call that `text` obviously asks for, or that the choice demands; None to answer with words."""
    if not tools or choice == "none":
        return None
    if isinstance(choice, NamedTool):
        named = next((tool for tool in tools if tool.name == choice.name), None)
        return Call(named.name, json.dumps(arguments(text, named)[0])) if named else None
    ranked = sorted(tools, key=lambda tool: -_score(text, tool))
    best = ranked[0]
    values, complete = arguments(text, best)
    if choice == "required" or (_score(text, best) >= 2 and complete):
        return Call(best.name, json.dumps(values))
    return None


def _score(text: str, tool: FunctionTool) -> int:
    """Two for each word of the name that was said, one for each of the description."""
    said = _words(text)
    name = _words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.name).replace("_", " ").replace("-", " "))
    description = _words(tool.description or "") - name
    return 2 * len(said & name) + min(2, len(said & description)) * (len(said & description) >= 2)


def _words(text: str) -> set[str]:
    words = re.findall(r"[a-z]+", text.lower())
    return {word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words if word not in _EMPTY}


def arguments(text: str, tool: FunctionTool) -> tuple[Json, bool]:
    """Values for the tool's parameters that can be read from the text, and whether all required ones are there."""
    schema = tool.parameters or {}
    properties = schema.get("properties")
    required = schema.get("required")
    values: Json = {}
    for name, prop in (properties if isinstance(properties, dict) else {}).items():
        value = _value(text, str(name), prop if isinstance(prop, dict) else {}, name in (required or []))
        if value is not None:
            values[name] = value
    return values, all(name in values for name in required or [])


def _value(text: str, name: str, prop: Json, required: bool) -> object:
    lower = text.lower()
    options = prop.get("enum")
    if isinstance(options, list):
        return next((o for o in options if str(o).replace("_", " ").lower() in lower), None)
    kind = prop.get("type")
    if kind in ("integer", "number"):
        if (span := _span(text, name)) is not None:
            return int(span) if kind == "integer" else span
        found = next((token for token in numbers_as_digits(text) if token[0].isdigit()), None)
        return None if found is None else int(float(found)) if kind == "integer" else float(found)
    if kind == "boolean":
        off = re.search(r"\b(off|stop|disable|no)\b", lower)
        return not off if off or re.search(r"\b(on|start|enable|yes)\b", lower) else None
    if kind != "string":
        return None
    if re.search(r"city|place|location|town|where|country|region", name.lower()):
        match = _PLACE.search(text)
        return match.group(1) if match and match.group(1).lower() not in _NOT_PLACES else None
    return text.strip() if required else None


def _span(text: str, name: str) -> float | None:
    """A duration that was said, in the unit that the parameter's name tells ("seconds", "duration_min")."""
    unit = next((unit for unit in _SECONDS if re.search(rf"(^|_){unit[:3]}", name.lower())), None)
    spans = _SPAN.findall(" ".join(numbers_as_digits(text)))
    if unit is None or not spans:
        return None
    seconds = sum(_count(count) * _SECONDS[said] for count, said in spans)
    return seconds / _SECONDS[unit]


def _count(word: str) -> float:
    return 0.5 if word.startswith("half") else 1.0 if word.startswith("a") else float(word)
