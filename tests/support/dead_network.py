"""A conversation whose network dies without a word: run in a network namespace of its own.

`unshare -rn python dead_network.py TALK NETWORK_S PING_S` prints how long it took, seconds, and the cause.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time

from websockets.asyncio.server import ServerConnection, serve

from speakerd.config.model import Realtime
from speakerd.conversation.events import SessionEnded, SessionReady
from speakerd.realtime.link import Link
from speakerd.realtime.settings import session_settings


async def accept(peer: ServerConnection) -> None:
    """Take every session, and all sound."""
    async for text in peer:
        message = json.loads(text)
        if message["type"] == "session.update":
            await peer.send(json.dumps({"type": "session.updated", "session": message["session"]}))


def run(command: str) -> None:
    """Change the network of this namespace."""
    subprocess.run(command.split(), check=True)


async def main(talk: bool, network_s: float, ping_s: float) -> None:
    run("ip link set lo up")
    outputs: asyncio.Queue = asyncio.Queue()
    realtime = Realtime(network_timeout_s=network_s, ping_interval_s=ping_s, ping_timeout_s=ping_s)
    async with serve(accept, "127.0.0.1", 0, ping_interval=None) as server, asyncio.TaskGroup() as tasks:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        link = Link(realtime, url, session_settings(realtime), lambda: None, tasks, outputs.put_nowait)
        link.open(1)
        assert isinstance(await outputs.get(), SessionReady)
        run("tc qdisc replace dev lo root blackhole")
        died_s = time.monotonic()
        while outputs.empty() and time.monotonic() < died_s + 30:
            if talk:
                link.append_audio(bytes(960))
            await asyncio.sleep(0.02)
        ended = outputs.get_nowait()
        assert isinstance(ended, SessionEnded)
        print(f"{time.monotonic() - died_s:.2f} {ended.error}", flush=True)
        os._exit(0)  # a server whose clients cannot be reached would wait for them


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] == "talk", float(sys.argv[2]), float(sys.argv[3])))
