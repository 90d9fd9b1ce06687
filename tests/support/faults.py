"""What can go wrong on the way to a Realtime server, and with it: every kind, each in many variations."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http
import json
import random
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from support.faulty_peer import FAULTY_HZ, Fault, Peer, Stage
from support.faulty_server import FaultyServer
from websockets.asyncio.server import Response, ServerConnection
from websockets.datastructures import Headers

from speakerd.realtime.troubles import CODES

REFUSALS = (401, 403, 404, 429, 500, 503)
CLOSE_CODES = (1000, 1001, 1006, 1008, 1009, 1011, 1013, 4000)
OWN = ("dns_failed", "name_not_found", "network_failed", "network_dead", "uplink_stalled", "message_too_large")
SERVICE_CODES = (
    *(code for code in CODES if code not in OWN),
    "invalid_value", "unknown_parameter", "missing_required_parameter", "item_truncate_invalid_item_id",
    "response_cancel_not_active", "conversation_already_has_active_response", "input_audio_buffer_commit_empty",
    "cannot_update_voice", "a_code_of_the_future", "",
)  # fmt: skip
TALK = (Stage.LISTENING, Stage.COMMITTED, Stage.SPEAKING, Stage.AFTER)
EVERYWHERE = (Stage.CONNECTED, Stage.UPDATE, *TALK)
GARBAGE: tuple[str | bytes, ...] = (
    "", "{", "[]", "null", "17", '"text"', "{}", '{"type": null}', '{"type": "error"}',
    '{"type": "error", "error": []}',
    "[" * 60_000, '{"a":' * 20_000, '{"type": "session.updated"}', '{"type": "session.updated", "session": 5}',
    '{"type": "response.created", "response": {"id": 7}}', '{"type": "response.done", "response": null}',
    '{"type": "response.done", "response": {"id": "nobody", "status": "failed", "output": {}}}',
    '{"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": "%%%"}',
    '{"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": 1e999}',
    '{"type": "rate_limits.updated", "rate_limits": "none"}', '{"type": "a.future.event", "value": NaN}',
    '{"type": "session.created", "session": {"expires_at": -1e308}}', '{"type": "\\ud800"}', b"\0\1\2", b"",
)  # fmt: skip
"""Frames that nobody should send."""

Maker = Callable[[random.Random], Fault]


def _refused(rng: random.Random) -> Fault:
    status = rng.choice(REFUSALS)
    body = rng.choice([b"", b"<html>", json.dumps({"error": {"code": None, "type": "x", "message": "no"}}).encode()])
    headers = Headers({"Retry-After": "1"} if status == 429 and rng.random() < 0.5 else {})

    async def act(where: tuple[FaultyServer, ServerConnection]) -> Response:
        return Response(status, http.HTTPStatus(status).phrase, headers, body)

    return Fault("refused by HTTP status", str(status), Stage.HANDSHAKE, act)


def _never_upgraded(rng: random.Random) -> Fault:
    hold_s = rng.choice([0.5, 1.0, 60.0])

    async def act(where: tuple[FaultyServer, ServerConnection]) -> Response | None:
        server, connection = where
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(hold_s):
                await _gone_or_healed(server, connection)
        return None

    return Fault("accepted, never upgraded", f"{hold_s:.1f} s", Stage.HANDSHAKE, act)


async def _gone_or_healed(server: FaultyServer, connection: ServerConnection) -> None:
    while not server.healed.is_set() and not connection.transport.is_closing():  # noqa: ASYNC110 - two things at once
        await asyncio.sleep(0.02)


def _no_websocket(rng: random.Random) -> Fault:
    what, noise = rng.choice(["reset", "end", "HTTP 200", "noise"]), rng.randbytes(500)

    async def act(where: tuple[FaultyServer, ServerConnection]) -> None:
        transport = where[1].transport
        if what == "reset":
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        elif what == "HTTP 200":
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        elif what == "noise":
            transport.write(noise)
        transport.close()

    return Fault("no websocket there", what, Stage.HANDSHAKE, act)


def _no_session(rng: random.Random) -> Fault:
    hold_s = rng.choice([0.5, 1.5, 60.0])

    async def act(peer: Peer) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(hold_s):
                await _gone_or_healed(peer.server, peer.connection)
        await peer.accept()

    return Fault("no session.updated", f"{hold_s:.1f} s", Stage.UPDATE, act)


def _half_session(rng: random.Random) -> Fault:
    what = rng.choice(["another format", "no tools", "turns never end", "nothing"])
    wrong: dict[str, Any] = {
        "another format": {"audio": {"output": {"format": {"type": "audio/pcmu"}}}},
        "no tools": {"tools": []},
        "turns never end": {"audio": {"input": {"turn_detection": None}}},
        "nothing": {"output_modalities": ["text"]},
    }[what]

    async def act(peer: Peer) -> None:
        await peer.accept(**wrong)

    return Fault("session configured by half", what, Stage.UPDATE, act)


def _closed(rng: random.Random) -> Fault:
    code, stage, why = rng.choice(CLOSE_CODES), rng.choice(EVERYWHERE), rng.choice(["", "going away", "internal error"])

    async def act(peer: Peer) -> None:
        await peer.close(code, why)

    return Fault("closed", f"{code} {stage}", stage, act)


def _stalled(rng: random.Random) -> Fault:
    stage, hold_s = rng.choice(TALK), rng.choice([0.4, 1.5, 60.0])

    async def act(peer: Peer) -> None:
        with peer.deaf(), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(hold_s):
                if stage is Stage.COMMITTED:
                    await peer.tone(await peer.begin(), FAULTY_HZ, 1.0)
                await _gone_or_healed(peer.server, peer.connection)

    return Fault("reads nothing any more", f"{hold_s:.1f} s, {stage}", stage, act)


def _half_open(rng: random.Random) -> Fault:
    stage = rng.choice(EVERYWHERE)

    async def act(peer: Peer) -> None:
        with peer.deaf(), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                await _gone_or_healed(peer.server, peer.connection)
        peer.connection.transport.abort()

    return Fault("half open: neither reads nor writes", stage, stage, act)


def _mute(rng: random.Random) -> Fault:
    stage, hold_s = rng.choice((Stage.COMMITTED, Stage.SPEAKING)), rng.choice([1.0, 60.0])

    async def act(peer: Peer) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(hold_s):
                await _gone_or_healed(peer.server, peer.connection)

    return Fault("says nothing any more", f"{hold_s:.1f} s, {stage}", stage, act)


def _slow_audio(rng: random.Random) -> Fault:
    pace = rng.choice([0.2, 0.5, 0.8])

    async def act(peer: Peer) -> None:
        response = await peer.begin()
        await peer.tone(response, FAULTY_HZ, 1.2, pace, stubborn=False)
        await peer.finish(response)

    return Fault("very slow audio", f"{pace} of real time", Stage.COMMITTED, act)


def _flood(rng: random.Random) -> Fault:
    seconds = rng.choice([20.0, 90.0])

    async def act(peer: Peer) -> None:
        response = await peer.begin()
        await peer.tone(response, FAULTY_HZ, seconds, 1_000.0, stubborn=False)
        await peer.finish(response)

    return Fault("sound without end", f"{seconds:.0f} s at once", Stage.COMMITTED, act, interrupt=True)


def _garbage(rng: random.Random) -> Fault:
    stage = rng.choice(EVERYWHERE)
    frames = [rng.choice(GARBAGE) for _ in range(rng.randint(1, 8))]

    async def act(peer: Peer) -> None:
        for frame in frames:
            await peer.send_raw(frame)
        if stage is Stage.UPDATE:
            await peer.accept()
        if stage in (Stage.COMMITTED, Stage.SPEAKING):
            response = await peer.begin()
            for audio in ("AAA=", "A", "====", base64.b64encode(b"\1" * 333).decode()):
                await peer.delta(response, audio)
            await peer.finish(response)

    return Fault("bad JSON, wrong types, odd sound", f"{len(frames)} frames, {stage}", stage, act)


def _error(rng: random.Random) -> Fault:
    code, stage, close = rng.choice(SERVICE_CODES), rng.choice(EVERYWHERE), rng.random() < 0.3
    fields = rng.choice([{"code": code, "type": "invalid_request_error"}, {"code": None, "type": code}])

    async def act(peer: Peer) -> None:
        await peer.send("error", error={**fields, "message": "please try again in 1.2s", "event_id": None})
        if close:
            await peer.close(1011)
        elif stage is Stage.UPDATE:
            await peer.accept()
        elif stage is Stage.COMMITTED:
            response = await peer.begin()
            await peer.tone(response, FAULTY_HZ, 0.5)
            await peer.finish(response)

    return Fault("error event", f"{code or '-'} {stage}{' and close' if close else ''}", stage, act)


def _failed(rng: random.Random) -> Fault:
    code, status = rng.choice(SERVICE_CODES), rng.choice(["failed", "failed", "incomplete", "cancelled"])
    seconds, begun = rng.choice([0.0, 0.5]), rng.random() < 0.8

    async def act(peer: Peer) -> None:
        response = await peer.begin() if begun else "resp_that_never_began"
        if begun:
            await peer.tone(response, FAULTY_HZ, seconds)
        details = {"type": status, "reason": code, "error": {"code": code, "type": "x", "message": "no"}}
        await peer.finish(response, status, status_details=details)

    return Fault("response failed", f"{status} {code or '-'}", Stage.COMMITTED, act)


def _never_done(rng: random.Random) -> Fault:
    seconds = rng.choice([0.0, 0.6])

    async def act(peer: Peer) -> None:
        await peer.tone(await peer.begin(), FAULTY_HZ, seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(8):
                await _gone_or_healed(peer.server, peer.connection)

    return Fault("response never done", f"{seconds} s of sound", Stage.COMMITTED, act)


def _late(rng: random.Random) -> Fault:
    says_done = rng.random() < 0.5

    async def act(peer: Peer) -> None:
        response = await peer.begin()
        await peer.tone(response, FAULTY_HZ, 4.0, 1.0, stubborn=False)
        await peer.tone(response, FAULTY_HZ, 1.0, 4.0)
        if says_done:
            await peer.finish(response, "cancelled")
        await peer.tone(response, FAULTY_HZ, 0.5, 8.0)

    return Fault("late deltas after a cancel", f"done: {says_done}", Stage.COMMITTED, act, interrupt=True)


def _orphan(rng: random.Random) -> Fault:
    what = rng.choice(["two at once", "after the answer", "after a cancel"])

    async def act(peer: Peer) -> None:
        first = await peer.begin()
        await peer.tone(first, FAULTY_HZ, 3.0 if what == "after a cancel" else 0.4, 2.0, stubborn=False)
        if what != "two at once":
            await peer.finish(first)
        second = await peer.begin()
        await peer.tone(second, FAULTY_HZ, 0.4)
        await peer.finish(second)
        if what == "two at once":
            await peer.finish(first)

    return Fault("orphan responses", what, Stage.COMMITTED, act, interrupt=what == "after a cancel")


def _tool_loop(rng: random.Random) -> Fault:
    name = rng.choice(["time_and_date", "made_up", "set_volume"])
    arguments = rng.choice(["{}", "{", '{"percent": "loud"}', "null", '{"x": ' + "9" * 5_000 + "}"])
    count = rng.choice([1, 3])

    async def act(peer: Peer) -> None:
        for number in range(12):
            response = await peer.begin()
            calls = [
                {"id": f"f{number}_{n}", "type": "function_call", "call_id": f"c{number}_{n}_{id(peer)}",
                 "name": name, "arguments": arguments}
                for n in range(count)
            ]  # fmt: skip
            peer.asked.clear()
            await peer.finish(response, output=tuple(calls))
            try:
                async with asyncio.timeout(1.5):
                    await peer.asked.wait()
            except TimeoutError:
                return

    return Fault("functions called for ever", f"{count} × {name}", Stage.COMMITTED, act)


def _expiry(rng: random.Random) -> Fault:
    life_s, how = rng.choice([0.5, 2.0]), rng.choice(["told", "by surprise"])

    async def act(peer: Peer) -> None:
        expires = {"expires_at": round(time.time() + life_s)} if how == "told" else {}  # noqa: TID251 - Unix time
        await peer.accept(**expires)

        async def expire() -> None:
            error = {"type": "invalid_request_error", "code": "session_expired", "message": "x"}
            try:
                await asyncio.sleep(life_s)
                await peer.send("error", error=error)
                await peer.close(1001)
            finally:
                peer.server.over.set()

        peer.spawn(expire())

    return Fault("session expires", f"after {life_s} s, {how}", Stage.UPDATE, act, lingers=True)


def _huge(rng: random.Random) -> Fault:
    stage = rng.choice(EVERYWHERE)
    frame = rng.choice(
        [lambda: "x" * 20_000_000, lambda: json.dumps({"type": "a", "x": rng.randbytes(7_000_000).hex()})]
    )

    async def act(peer: Peer) -> None:
        await peer.send_raw(frame())

    return Fault("frame of 20 MB", stage, stage, act)


MAKERS: dict[str, Maker] = {
    "refused": _refused, "never_upgraded": _never_upgraded, "no_websocket": _no_websocket, "no_session": _no_session,
    "half_session": _half_session, "closed": _closed, "stalled": _stalled, "half_open": _half_open, "mute": _mute,
    "slow_audio": _slow_audio, "flood": _flood, "garbage": _garbage, "error": _error, "failed": _failed,
    "never_done": _never_done, "late": _late, "orphan": _orphan, "tool_loop": _tool_loop, "expiry": _expiry,
    "huge": _huge,
}  # fmt: skip
OFTEN = ("closed", "error", "failed", "garbage", "refused")
"""Kinds with so many variations that they are drawn twice as often."""


def draw(count: int, seed: int, kinds: Sequence[str] = ()) -> list[Fault]:
    """So many faults, in random order and variation; of all kinds, or of these alone."""
    rng = random.Random(seed)
    deck: list[str] = []
    while len(deck) < count:
        hand = [*(kinds or [*MAKERS, *OFTEN])]
        rng.shuffle(hand)
        deck += hand
    return [MAKERS[kind](rng) for kind in deck[:count]]
