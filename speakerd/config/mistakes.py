"""Mistakes in the configuration: where they are, and how they are put to the human. Pure.

Nothing is shown that may be a secret, and whatever is shown fits on one line.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_CHARACTERS = 60
"""Longest piece of the human's own text that a message repeats."""

SHOWN_KEY_CHARACTERS = 120
"""Longest name of a key; the longest real one has 48."""

_MASKS = (
    (re.compile(r"sk-[\w-]{4,}"), "sk-***"),
    (re.compile(r"//[^/\s@]+@"), "//***@"),
    (re.compile(r"((?:key|token|secret|password)=)[^&\s]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"[\w-]{32,}"), lambda run: "***" if _looks_like_a_key(run[0]) else run[0]),
)

_SECRET_NAME = re.compile(r"(^|_)(api_?key|key|token|secret|password|credential|authorization|bearer)s?$")

KEY_BELONGS_ELSEWHERE = (
    "the API key never stands in the configuration: give it as systemd credential openai-api-key, "
    "or in the environment variable OPENAI_API_KEY"
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, or an environment variable. Sorts by file, then line."""

    in_environment: bool
    source: str
    """The file as the human named it, or the variable's name."""
    line: int = 0
    """From 1; 0 for the file as a whole."""

    def __str__(self) -> str:
        if self.in_environment:
            return f"environment: {printable(_shortened(self.source, SHOWN_KEY_CHARACTERS))}"
        return f"{printable(self.source)}:{self.line}" if self.line else printable(self.source)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that the human has to change."""

    place: Place
    key: str
    """Dotted name such as `wake.words[0].model`; empty if the mistake is about no key."""
    text: str
    """What was found, what is expected, and a hint."""

    def __str__(self) -> str:
        key = printable(_shortened(self.key, SHOWN_KEY_CHARACTERS))
        return f"{self.place}: {key}: {self.text}" if key else f"{self.place}: {self.text}"


def printable(text: str) -> str:
    """`text` on one line, with escapes for all that a terminal would not print."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _looks_like_a_key(run: str) -> bool:
    """Of letters and digits; asked here, as in the pattern it would take time by the square of the length."""
    return re.search(r"\d", run) is not None and re.search(r"[a-z]", run) is not None


def masked(text: str) -> str:
    """`text` with `***` in place of all that looks like a secret."""
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text


def shown(text: str) -> str:
    """`text` in double quotes: masked, shortened and printable."""
    return printable(json.dumps(_shortened(text, SHOWN_CHARACTERS), ensure_ascii=False))


def _shortened(text: str, limit: int) -> str:
    text = masked(text[: 4 * limit])
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def looks_like_a_secret(name: str) -> bool:
    """True for names of keys in which people put an API key."""
    name = name[:SHOWN_KEY_CHARACTERS]
    return _SECRET_NAME.search(name.lower().replace("-", "_")) is not None or masked(name) != name


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that the human most probably meant; None if none is near."""
    if len(name) > SHOWN_CHARACTERS:
        return None
    found = difflib.get_close_matches(name.replace("-", "_"), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def listed(names: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    all_names = list(names)
    if len(all_names) < 2:
        return "".join(all_names)
    return f"{', '.join(all_names[:-1])} {last} {all_names[-1]}"
