"""Conversations in a row: no stuck state, no growth of memory, descriptors or threads.

    python bench/soak.py [--conversations 200]

The daemon on the virtual sound card with a local server; each conversation: wake word, connection, an
answer, every other one interrupted, every fifth cut off by the network, silence, idle. About 4 s each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.scripted_server import ScriptedServer, sound_at  # noqa: E402
from support.vitals import Vitals  # noqa: E402

from speakerd.demo.daemon import Daemon  # noqa: E402
from speakerd.demo.play import say  # noqa: E402
from speakerd.demo.recording import speak  # noqa: E402
from speakerd.demo.soundcard import VirtualSoundCard  # noqa: E402

CONFIG = """\
wake: {{words: [{{model: hey_jarvis, refractory_ms: 500}}]}}
realtime: {{url: "{url}"}}
conversation: {{silence_timeout_s: 0.5}}
"""
WARM_UP = 10
"""Conversations before the first look at memory."""


def state_of(daemon: Daemon) -> object:
    """Where it was last; None before it told."""
    return next((event["state"] for event in reversed(daemon.events) if "state" in event), None)


def reaches(daemon: Daemon, state: str, timeout_s: float) -> bool:
    """Wait for the machine to be in `state`."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        for _ in daemon.new():
            pass
        if state_of(daemon) == state:
            return True
        time.sleep(0.01)
    return False


def converse(
    number: int, card: VirtualSoundCard, server: ScriptedServer, daemon: Daemon, wake: np.ndarray, over: np.ndarray
) -> str:
    """One conversation; what went wrong, or nothing."""
    speak(card, wake, 16_000)
    if not reaches(daemon, "LISTENING", 6.0):
        return f"{number}: not listening but {state_of(daemon)}"
    server.user_turn()
    server.answer(sound_at(1.0 if number % 2 else 4.0, seed=number))
    if not reaches(daemon, "SPEAKING", 3.0):
        return f"{number}: not speaking but {state_of(daemon)}"
    if number % 5 == 4:
        server.drop()
    elif number % 2 == 0:
        time.sleep(0.4)
        speech = speak(card, over, 16_000)
        if reaches(daemon, "INTERRUPTED", 3.0):
            server.user_turn()
            server.answer(np.zeros(0, np.int16))
        speech.wait()
    if not reaches(daemon, "IDLE", 12.0):
        return f"{number}: not idle but {state_of(daemon)}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=200)
    count = parser.parse_args().conversations
    wake, over = say("Hey Jarvis.")[0], say("No, that is not what I meant.")[0]
    failures, rows = [], []
    with (
        tempfile.TemporaryDirectory() as name,
        VirtualSoundCard(Path(name) / "card") as card,
        ScriptedServer() as server,
    ):
        daemon = Daemon(card, Path(name), CONFIG.format(url=server.url))
        daemon.start()
        started_s = time.monotonic()
        try:
            daemon.wait("Ready", timeout_s=20)
            time.sleep(1.0)
            for number in range(count):
                if trouble := converse(number, card, server, daemon, wake, over):
                    failures.append(trouble)
                    print(trouble, flush=True)
                    print("\n".join(daemon.log_path.read_text().splitlines()[-6:]), flush=True)
                    reaches(daemon, "IDLE", 30.0)
                time.sleep(0.6)
                server.connections[:-1] = []
                if number >= WARM_UP - 1 and (number + 1 - WARM_UP) % max(1, (count - WARM_UP) // 10) == 0:
                    rows.append(f"| {number + 1} {Vitals.of(daemon.pid)}")
            minutes = (time.monotonic() - started_s) / 60
        finally:
            status = daemon.stop()
    for _ in daemon.new():
        pass
    counts = Counter(event["event"] for event in daemon.events)
    print("| conversations | RSS, MB | descriptors | threads | CPU, s |\n|---|---|---|---|---|")
    print("\n".join(rows))
    print(f"\n{count} conversations in {minutes:.1f} min; failures: {failures or 'none'}; exit status {status}.")
    print("Events: " + ", ".join(f"{name} {n}" for name, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
