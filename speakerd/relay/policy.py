"""What a client may say: the models and voices of its token, found without parsing what is only sound. Pure.

A message can set a model or a voice only if it is a `session.update` or a `response.create`. Both words have a dot,
and the only other way to spell them in JSON has a backslash; base64 has neither. So sound is told by three searches of
its text, whatever its length, and only the rest is parsed, to `MAX_PARSED_CHARACTERS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from speakerd.relay.refusals import Refusal, model_refused

MAX_PARSED_CHARACTERS = 256 * 1024
"""Instructions and tools of a session fit; what is larger must be plain, such as sound or an image."""

_WORDS = ("session.update", "response.create")
OVERLAP = max(len(word) for word in _WORDS) - 1
"""Characters of a part that must be looked at again together with the next."""

_FREE = frozenset({"metadata", "variables"})
"""Objects in which `model` and `voice` may mean anything; lists (tools, input) are not looked into at all."""

_MAX_DEPTH = 10
"""Of a session's settings; those of the service are four deep."""


class _TwiceError(ValueError):
    """A name comes twice in an object: readers differ in which of them counts."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one session."""

    model: str
    """The one that it is connected to, and billed for."""
    models: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Objection:
    """A message that is not passed on."""

    refusal: Refusal
    event_id: str | None = None
    """The client's."""


def is_plain(text: str) -> bool:
    """True if it cannot set anything, whatever stands before and after it, but for the seams (`OVERLAP`)."""
    return "\\" not in text and not any(word in text for word in _WORDS)


def judge(text: str, rules: Rules) -> Objection | None:
    """What speaks against a whole message of at most `MAX_PARSED_CHARACTERS`, or a plain one of any length."""
    if is_plain(text):
        return None
    try:
        message = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        wrong = "Names a field twice." if isinstance(error, _TwiceError) else "This is no JSON."
        return Objection(Refusal(400, "invalid_json", wrong))
    kind = message.get("type") if isinstance(message, dict) else None
    if kind not in ("session.update", "response.create", "transcription_session.update"):
        return None
    found = _objections(message, rules)
    event_id = message.get("event_id")
    return next((Objection(one, event_id if isinstance(event_id, str) else None) for one in found), None)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise _TwiceError
    return content


def _objections(message: dict[str, Any], rules: Rules) -> Iterator[Refusal]:
    for place in ("session", "response"):
        part = message.get(place)
        if not isinstance(part, dict):
            continue
        for path, name, value in _settings(part, place):
            if name == "model" and path == place and value != rules.model:
                yield Refusal(
                    403,
                    "model_not_found",
                    "The model is the one in the URL: it cannot be changed.",
                    param=f"{path}.model",
                )
            elif name == "model" and rules.models and value not in rules.models:
                yield model_refused(value)
            elif name == "voice" and rules.voices and value not in rules.voices:
                yield Refusal(403, "voice_not_allowed", "This token may not use that voice.", param=f"{path}.voice")


def _settings(part: dict[str, Any], path: str, depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """Each model and voice in `part`: the path of its section, `model` or `voice`, and its value."""
    for name, value in part.items():
        if name in _FREE:
            continue
        if name in ("model", "voice") and value is not None:
            own = value.get("id") if isinstance(value, dict) else value
            yield path, name, own if isinstance(own, str) else ""
        elif isinstance(value, dict) and depth < _MAX_DEPTH:
            yield from _settings(value, f"{path}.{name}", depth + 1)
