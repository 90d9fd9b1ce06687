"""What functions of the client returned, in words for the voice. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_OUTPUT_CHARS = 600


def answer_from_output(output: str) -> str:
    """Say what a function of the client returned."""
    try:
        value = json.loads(output)
    except (ValueError, RecursionError):
        value = output
    said = (_receipt(value) or _said(value, depth=0)).strip()
    if not said:
        return "That is done."
    if len(said) > MAX_OUTPUT_CHARS:
        said = said[:MAX_OUTPUT_CHARS].rsplit(" ", 1)[0]
    said = said[0].upper() + said[1:]
    return said if said[-1] in ".!?" else f"{said}."


def _receipt(value: object) -> str:
    """What the speaker's own accounts say, as people would; "" for anything else."""
    if not isinstance(value, dict):
        return ""
    if isinstance(value.get("today"), dict) and isinstance(value.get("this_month"), dict) and "currency" in value:
        spans = [_spent(name, value[key]) for name, key in (("Today", "today"), ("This month", "this_month"))]
        return " ".join(spans).replace("{}", str(value["currency"]))
    if "seconds_of_sound_sent" in value and isinstance(value.get("bytes_sent"), int | float):
        megabytes = f"{value['bytes_sent'] / 1e6:.1f}"
        sound = f"Today {value['seconds_of_sound_sent']} seconds of sound were sent, {megabytes} megabytes"
        return f"{sound}, in {value.get('conversations', 0)} conversations."
    return ""


def _spent(name: str, part: dict[str, Any]) -> str:
    limit = f", of at most {part['limit']}" if "limit" in part else ""
    return f"{name} I have cost {part.get('spent', 'nothing')} {{}}{limit}."


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
