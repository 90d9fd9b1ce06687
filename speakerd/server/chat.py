"""Other wits than ours: a chat service of the user's own that speaks OpenAI's chat completions, streaming."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import TypeAlias

from speakerd.config.model import Server
from speakerd.server.effects import Think
from speakerd.server.httpstream import HttpError, post
from speakerd.server.settings import Json
from speakerd.server.wits.heard import Call

MAX_ANSWER_CHARS = 8_000
MAX_ANSWER_S = 120.0
MAX_CALLS = 8
MAX_ARGUMENTS_CHARS = 20_000
PATH = "/chat/completions"

Piece: TypeAlias = str | tuple[Call, ...]
"""Some words; or, as the last, the functions to call."""


@dataclass
class _Building:
    """A call whose arguments come in pieces."""

    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Chat:
    """Stateless; used from the loop."""

    def __init__(self, config: Server) -> None:
        base = config.chat_url.rstrip("/")
        self._url = base if base.endswith(PATH) else base + PATH
        self._model = config.chat_model
        self._timeout_s = config.chat_timeout_s

    async def answer(self, think: Think) -> AsyncGenerator[Piece, None]:
        """Words as they come, then the calls, if there are any. Raises HttpError."""
        body: Json = {"model": self._model, "stream": True, "messages": list(think.messages)}
        if think.functions:
            body["tools"] = list(think.functions)
        building: dict[int, _Building] = {}
        chars = 0
        end_s = asyncio.get_running_loop().time() + MAX_ANSWER_S
        async with post(self._url, json.dumps(body).encode(), self._timeout_s) as lines:
            async for delta in _deltas(lines):
                words = delta.get("content")
                if isinstance(words, str) and words:
                    chars += len(words)
                    yield words
                _collect(building, delta.get("tool_calls") or [])
                if chars > MAX_ANSWER_CHARS or asyncio.get_running_loop().time() > end_s:
                    break
        calls = tuple(_call(one) for _, one in sorted(building.items()) if one.name)
        if calls:
            yield calls
        elif not chars:
            raise HttpError("the answer is empty")


async def _deltas(lines: AsyncIterator[bytes]) -> AsyncIterator[Json]:
    """The `delta` of each event of the stream; an empty one for all else, which may go on for ever."""
    async for line in lines:
        if not line.startswith(b"data:"):
            yield {}
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        try:
            event = json.loads(data)
            choices = event.get("choices") or [{}]
            delta = choices[0].get("delta") or {}
        except (ValueError, AttributeError, LookupError, TypeError, RecursionError) as error:
            raise HttpError("an event that is no chat completion") from error
        if event.get("error") or not isinstance(delta, dict):
            raise HttpError("the service reports an error")
        yield delta


def _collect(building: dict[int, _Building], pieces: object) -> None:
    for place, piece in enumerate(pieces if isinstance(pieces, list) else []):
        function = piece.get("function") if isinstance(piece, dict) else None
        if not isinstance(function, dict):
            continue
        index = piece.get("index", place)
        if not isinstance(index, int) or (index not in building and len(building) >= MAX_CALLS):
            continue
        one = building.setdefault(index, _Building())
        one.name = str(function.get("name") or one.name)[:64]
        one.arguments.append(str(function.get("arguments") or ""))
        if sum(map(len, one.arguments)) > MAX_ARGUMENTS_CHARS:
            raise HttpError("arguments without an end")


def _call(one: _Building) -> Call:
    arguments = "".join(one.arguments)
    return Call(one.name, arguments if arguments.strip() else "{}")
