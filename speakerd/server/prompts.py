"""A conversation as a chat service reads it, and its answer as sentences for the voice. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from speakerd.server.history import Item
from speakerd.server.settings import FunctionTool, Json

MAX_CHARS = 24_000
"""Text of the conversation that is sent along, the newest."""
MANNERS = "Your answer is spoken aloud: answer in one to three plain sentences, without markdown, lists or emoji."
MAX_SENTENCE_CHARS = 400
"""A sentence longer than this is said in pieces."""


def messages(instructions: str, items: Sequence[Item]) -> list[Json]:
    """The `messages` of a chat completion."""
    told: list[Json] = []
    chars = 0
    for item in reversed(items):
        message = _message(item)
        if message is None:
            continue
        chars += len(str(message))
        if chars > MAX_CHARS and told:
            break
        told.insert(0, message)
    while told and told[0]["role"] == "tool":  # its call was cut off
        told.pop(0)
    return [{"role": "system", "content": f"{instructions}\n{MANNERS}".strip()}, *told]


def _message(item: Item) -> Json | None:
    wire = item.wire
    if wire["type"] == "function_call":
        function = {"name": wire["name"], "arguments": wire["arguments"]}
        return {
            "role": "assistant",
            "tool_calls": [{"id": wire.get("call_id", ""), "type": "function", "function": function}],
        }
    if wire["type"] == "function_call_output":
        return {"role": "tool", "tool_call_id": wire["call_id"], "content": wire["output"]}
    words = item.words or " ".join(_words(wire.get("content", [])))
    return {"role": wire["role"], "content": words} if words else None


def _words(content: Iterable[Json]) -> Iterable[str]:
    return (str(part.get("text") or part.get("transcript") or "") for part in content)


def functions(tools: Sequence[FunctionTool]) -> list[Json]:
    """The `tools` of a chat completion."""
    return [{"type": "function", "function": {k: v for k, v in t.model_dump().items() if k != "type"}} for t in tools]


class Sentences:
    """Pieces of text in, whole sentences out, without what cannot be spoken."""

    def __init__(self) -> None:
        self._raw = ""
        self._text = ""
        self._thinking = False

    def feed(self, piece: str) -> list[str]:
        """Add a piece; returns the sentences that it completes."""
        self._raw += piece
        self._drop_thoughts()
        found: list[str] = []
        while match := _END.match(self._text):
            found.append(match[1])
            self._text = self._text[match.end() :]
        return [said for said in map(speakable, found) if said]

    def rest(self) -> list[str]:
        """What remains at the end."""
        said, self._text = speakable(self._text), ""
        return [said] if said else []

    def _drop_thoughts(self) -> None:
        """Some models think aloud between tags: nobody wants to hear that."""
        while self._raw:
            if self._thinking:
                _, end, after = self._raw.partition("</think>")
                self._raw = after if end else self._raw[-len("</think>") :]
                if not end:
                    return
            before, begin, self._raw = self._raw.partition("<think>")
            self._text += before
            self._thinking = bool(begin)


_END = re.compile(rf"\s*(.+?[.!?…][\"')\]]*|[^\n]+?(?=\n)|.{{{MAX_SENTENCE_CHARS}}}\S*)\s", re.DOTALL)


def speakable(text: str) -> str:
    """Without markdown and its like."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+|^#+\s*", "", text, flags=re.MULTILINE)
    text = re.sub(r"[*_`#>|~]+", "", text)
    text = "".join(c if c.isprintable() and ord(c) < 0x2190 else " " for c in text)
    return " ".join(text.split())
