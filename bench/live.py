"""From the wake word to a live microphone: with a warm link, and with a cold one to a server far away.

    python -m bench.live [--wakes 50] [--delay-ms 150]

The whole daemon on a pretended card (real time, no sound system), fed with recordings: a wake word and a command in
one breath. Cold, a proxy delays all bytes by `--delay-ms` in each direction, and those of the TCP handshake too. What
the server received is compared with what was said, a tenth of a second at a time. Prints a markdown table. Uses
../shared/audio where it is, else flite's voices.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.own_loop import OwnLoop  # noqa: E402
from support.pretend_card import PretendCard  # noqa: E402
from support.scripted_server import ScriptedServer  # noqa: E402

from bench.conversation import lost_ms, voices  # noqa: E402
from speakerd.demo.daemon import Daemon  # noqa: E402

CONFIG = """\
wake: {{words: [{{model: alexa}}, {{model: hey_mycroft}}, {{model: hey_jarvis}}]}}
realtime: {{url: "{url}", keep_warm: {warm}}}
conversation: {{silence_timeout_s: 0.7}}
"""


class FarAway(OwnLoop):
    """A TCP proxy on loopback that delays."""

    def __init__(self, port: int, delay_s: float) -> None:
        """`port` of the server, and the time that a byte takes in each direction."""
        super().__init__()
        self.port = 0
        self._target, self._delay_s = port, delay_s

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """The socket."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        handshake_s = 2 * self._delay_s  # the kernel accepted at once; a far one would not have
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pass(reader, far_writer, handshake_s))
            tasks.create_task(self._pass(far_reader, writer, 0.0))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first_s: float) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(10_000)
        not_before_s = time.monotonic() + first_s

        async def deliver() -> None:
            while True:
                due_s, data = await under_way.get()
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                if not data:
                    writer.close()
                    return
                writer.write(data)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(deliver())
            data = b"?"
            while data:
                try:
                    data = await reader.read(65_536)
                except OSError:
                    data = b""
                await under_way.put((max(time.monotonic(), not_before_s) + self._delay_s, data))


@dataclass
class Figures:
    """One list a figure, in ms."""

    ready: list[float] = field(default_factory=list)
    sound: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    missed: int = 0
    deaf: int = 0
    """Conversations in which the machine was too busy for sound of the microphone: they say nothing of lost words."""
    dropped: int = 0
    """Frames that the daemon counted so far."""


@contextlib.contextmanager
def daemon_on(card: PretendCard, folder: Path, url: str, *, warm: bool) -> Iterator[Daemon]:
    """One that is ready."""
    daemon = Daemon(card, folder, CONFIG.format(url=url, warm=str(warm).lower()), card.env, card.program)
    daemon.start()
    try:
        assert daemon.wait("Ready", timeout_s=30), daemon.log_path.read_text()
        yield daemon
    finally:
        daemon.stop()


def measure(wakes: int, delay_s: float, *, warm: bool) -> Figures:
    """So many conversations."""
    figures = Figures()
    words, commands = voices()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(ScriptedServer(hears_speech=True))
        url = server.url
        if delay_s:
            port = int(url.split(":")[2].split("/")[0])
            url = url.replace(str(port), str(stack.enter_context(FarAway(port, delay_s)).port))
        card = PretendCard(folder / "card")
        stack.callback(card.close)
        daemon = stack.enter_context(daemon_on(card, folder, url, warm=warm))
        for number in range(wakes):
            time.sleep(1.2 + 4 * delay_s)  # the refractory time, and the next spare session
            converse(card, server, daemon, words[number % len(words)], commands[number % len(commands)], figures)
    return figures


def converse(
    card: PretendCard, server: ScriptedServer, daemon: Daemon, word: np.ndarray, command: np.ndarray, figures: Figures
) -> None:
    """One conversation."""
    start_s = time.monotonic()
    said = np.concatenate([word, command])
    card.say(said)
    woken = daemon.wait("WakeDetected", start_s, 4.0)
    ready = daemon.wait("SessionReady", start_s, 6.0) if woken else None
    if woken is None or ready is None:
        figures.missed += 1
        return
    time.sleep(max(0.0, start_s + said.size / 16_000 - time.monotonic()) + 1.5)
    heard = next((one for one in server.connections if one.audio and one.audio[0][0] >= start_s), None)
    if heard is None:
        figures.missed += 1
        return
    figures.ready.append((ready["t"] - woken["t"]) * 1000)
    figures.sound.append((heard.audio[0][0] - woken["t"]) * 1000)
    lost = lost_ms(command, heard.samples)
    server.user_turn()  # an answer without words: silence follows
    server.answer(np.zeros(0, np.int16))
    daemon.wait("StateChanged", start_s, 10.0, state="IDLE")
    counted = daemon.wait("Counters", start_s, 2.0)
    dropped = counted["capture_dropped"] if counted else 0
    if dropped > figures.dropped:
        figures.deaf, figures.dropped = figures.deaf + 1, dropped
    else:
        figures.lost.append(lost)


def rows(name: str, figures: Figures, want: str) -> None:
    """Of the table."""
    for what, values, wanted in (
        ("detection → session live", figures.ready, want),
        ("detection → first sound at the server", figures.sound, "-"),
        ("words lost", figures.lost, "0"),
    ):
        p50, p95 = np.percentile(values, [50, 95]) if values else (0.0, 0.0)
        row = f"{p50:.1f} | {p95:.1f} | {max(values, default=0.0):.1f} | {len(values)}"
        print(f"| {name}: {what} | {row} | {wanted} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wakes", type=int, default=50)
    parser.add_argument("--delay-ms", type=int, default=150)
    options = parser.parse_args()
    print("| ms | p50 | p95 | max | trials | wanted |\n|---|---|---|---|---|---|")
    warm = measure(options.wakes, 0.0, warm=True)
    rows("warm link", warm, "≤ 50")
    cold = measure(options.wakes, options.delay_ms / 1000, warm=False)
    rows(f"cold link, {options.delay_ms} ms away", cold, "-")
    deaf = warm.deaf + cold.deaf
    print(f"\nWake words missed: {warm.missed + cold.missed}; too busy for sound of the microphone: {deaf}.")


if __name__ == "__main__":
    main()
