"""Nonsense in handshakes and frames: whoever sends it is shown out, the relay and everybody else go on."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct

import pytest
from support.relay_rig import Rig, Start, hello, until

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
LINES = ["Host: x", "Upgrade: websocket", "Connection: Upgrade", KEY, "Sec-WebSocket-Version: 13"]


def handshake(secret: str) -> bytes:
    return "\r\n".join(["GET /v1/realtime HTTP/1.1", *LINES, f"Authorization: Bearer {secret}", "", ""]).encode()


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Some bytes changed, doubled or cut out."""
    text = bytearray(data)
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(text))
        match dice.randrange(4):
            case 0:
                text[at] = dice.randrange(256)
            case 1:
                text[at:at] = text[at : at + dice.randrange(40)]
            case 2:
                del text[at : at + dice.randrange(1, 20)]
            case _:
                text[at:at] = dice.randbytes(dice.randrange(1, 20))
        text = text or bytearray(b"x")
    return bytes(text)


def frame(dice: random.Random) -> bytes:
    """A frame that may break every rule: opcodes, lengths, masks, reserved bits, control frames in pieces."""
    first = dice.choice([0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8A, dice.randrange(256)])
    payload = dice.randbytes(dice.choice([0, 1, 5, 125, 126, 300]))
    told = dice.choice([len(payload)] * 4 + [0, 2**40, 70_000])
    masked = dice.choice([0x80, 0x80, 0x80, 0])
    if told < 126:
        length = bytes([masked | told])
    elif told < 65_536:
        length = bytes([masked | 126]) + struct.pack(">H", told)
    else:
        length = bytes([masked | 127]) + struct.pack(">Q", told)
    return bytes([first]) + length + (dice.randbytes(4) if masked else b"") + payload


async def throw(rig: Rig, *pieces: bytes) -> None:
    """Send it, look what comes, and go. Nothing is answered to half a handshake, so that is not waited for long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    with contextlib.suppress(ConnectionError, TimeoutError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            async with asyncio.timeout(5.0 if len(pieces) > 1 and piece is pieces[0] else 0.005):
                await reader.read(4096)
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.parametrize("seed", range(4))
async def test_nonsense_disturbs_nobody(start: Start, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    dice = random.Random(seed)
    limits = {"sessions_per_token": 50, "starts_per_minute": 0, "failures_per_minute": 0}
    async with start(**limits) as rig:
        secret, good = await rig.token(), await rig.token("good")
        async with rig.connect(good) as client:
            await hello(client)
            for number in range(60):
                await throw(rig, mutated(handshake(secret), dice))
                await throw(rig, handshake(secret), *(frame(dice) for _ in range(dice.randrange(1, 6))))
                await client.send(str(number))
                assert await client.recv() == str(number)
            await until(lambda: rig.house.sessions == 1)
        await until(lambda: rig.house.sessions == 0)
        assert rig.house.metrics.started > 60, "all of the second kind did reach the service"
    ours = [record for record in caplog.records if record.name.startswith("speakerd")]
    assert not [record for record in ours if record.exc_info]
    assert "handler failed" not in caplog.text.replace("tests/support", "")
