"""What passes through the relay in its tests: a service of a few lines, messages of both sides, closes, refusals."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

MODEL = "gpt-realtime-2.1-mini"
APPEND = json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(1440)).decode()})


def done(text_out: int = 1_000_000, **more: Any) -> str:
    """A bill: 2.40 US dollars for a million tokens of the small model's text."""
    usage = {"input_tokens": 0, "output_tokens": text_out, "output_token_details": {"text_tokens": text_out}}
    return json.dumps({"type": "response.done", "response": {"id": "r", "usage": usage, **more}})


def update(**session: Any) -> str:
    return json.dumps({"type": "session.update", "event_id": "mine", "session": {"type": "realtime", **session}})


VOICE = {"audio": {"output": {"voice": "coral"}}}
BEGUN = '{"type":"response.created","response":{"id":"r"}}'


class Script:
    """A service of a few lines: what it got, and what it says."""

    def __init__(self, *says: str) -> None:
        self.says = says
        self.got: asyncio.Queue[Any] = asyncio.Queue()
        self.socket: ServerConnection | None = None

    async def __call__(self, socket: ServerConnection) -> None:
        self.socket = socket
        for text in self.says:
            await socket.send(text)
        try:
            async for message in socket:
                await self.got.put(message)
        finally:
            await self.got.put((socket.close_code, socket.close_reason))


async def next_of(script: Script) -> Any:
    return await asyncio.wait_for(script.got.get(), 30)


async def closing(client: ClientConnection) -> tuple[int | None, str | None, list[Any]]:
    """How it is closed, and what came before."""
    seen = []
    try:
        async with asyncio.timeout(30):
            while True:
                seen.append(json.loads(await client.recv()))
    except ConnectionClosed:
        return client.close_code, client.close_reason, seen


async def refusal(attempt: connect) -> tuple[int, dict[str, object], dict[str, str]]:
    """Status, the error of the JSON body, and headers of a handshake that fails."""
    with pytest.raises(InvalidStatus) as caught:
        await attempt
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/json"
    return response.status_code, json.loads(bytes(response.body))["error"], dict(response.headers.raw_items())
