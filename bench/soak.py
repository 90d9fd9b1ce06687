"""Conversations in a row: no stuck state, no growth of memory, descriptors or threads.

    python bench/soak.py [--conversations 200]

The daemon on the virtual sound card with a local server; each conversation: wake word, connection, an
answer, every other one interrupted, every fifth cut off by the network, silence, idle. About 4 s each.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.scripted_server import ScriptedServer, sound_at  # noqa: E402

from speakerd.demo.play import say  # noqa: E402
from speakerd.demo.recording import speak  # noqa: E402
from speakerd.demo.soundcard import VirtualSoundCard  # noqa: E402

CONFIG = """\
audio: {{capture_device: speakerd_mic, playback_device: speakerd_speaker}}
wake: {{words: [{{model: hey_jarvis, refractory_ms: 500}}]}}
realtime: {{url: "{url}"}}
conversation: {{silence_timeout_s: 0.5}}
"""
WARM_UP = 10
"""Conversations before the first look at memory."""


@dataclass
class Tail:
    """States from the daemon's events file, read once each."""

    path: Path
    position: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    state: str = "IDLE"

    def read(self) -> None:
        if not self.path.exists():
            return
        with self.path.open() as file:
            file.seek(self.position)
            while (line := file.readline()).endswith("\n"):
                self.position = file.tell()
                event = json.loads(line)
                self.counts[event["event"]] = self.counts.get(event["event"], 0) + 1
                self.state = event["state"]

    def wait(self, state: str, timeout_s: float) -> bool:
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            self.read()
            if self.state == state:
                return True
            time.sleep(0.01)
        return False


@dataclass(frozen=True)
class Vitals:
    """Of the daemon's process."""

    rss_mb: float
    descriptors: int
    threads: int
    cpu_s: float

    @classmethod
    def of(cls, pid: int) -> Vitals:
        proc = Path("/proc") / str(pid)
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line)
        times = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        cpu_s = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        descriptors = len(list((proc / "fd").iterdir()))
        return cls(int(status["VmRSS"].split()[0]) / 1024, descriptors, int(status["Threads"]), cpu_s)

    def __str__(self) -> str:
        return f"| {self.rss_mb:.1f} | {self.descriptors} | {self.threads} | {self.cpu_s:.1f} |"


def converse(
    number: int, card: VirtualSoundCard, server: ScriptedServer, tail: Tail, wake: np.ndarray, over: np.ndarray
) -> str:
    """One conversation; what went wrong, or nothing."""
    speak(card, wake, 16_000)
    if not tail.wait("LISTENING", 6.0):
        return f"{number}: not listening but {tail.state}"
    server.user_turn()
    server.answer(sound_at(1.0 if number % 2 else 4.0, seed=number))
    if not tail.wait("SPEAKING", 3.0):
        return f"{number}: not speaking but {tail.state}"
    if number % 5 == 4:
        server.drop()
    elif number % 2 == 0:
        time.sleep(0.4)
        speak(card, over, 16_000).wait()
    if not tail.wait("IDLE", 12.0):
        return f"{number}: not idle but {tail.state}"
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
        folder = Path(name)
        (folder / "soak.yaml").write_text(CONFIG.format(url=server.url))
        tail = Tail(folder / "events.jsonl")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "SPEAKERD_", "ALSA_"))}
        with (folder / "log").open("wb") as log:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "speakerd", "run", "--config", folder / "soak.yaml", "--events", tail.path],
                env={**environment, **card.env}, stdout=log, stderr=log,
            )  # fmt: skip
        started_s = time.monotonic()
        try:
            time.sleep(3.0)
            for number in range(count):
                if trouble := converse(number, card, server, tail, wake, over):
                    failures.append(trouble)
                    print(trouble, flush=True)
                    tail.wait("IDLE", 30.0)
                time.sleep(0.6)
                server.connections[:-1] = []
                if number >= WARM_UP - 1 and (number + 1 - WARM_UP) % max(1, (count - WARM_UP) // 10) == 0:
                    rows.append(f"| {number + 1} {Vitals.of(daemon.pid)}")
            minutes = (time.monotonic() - started_s) / 60
        finally:
            daemon.send_signal(signal.SIGTERM)
            status = daemon.wait(5)
        tail.read()
    print("| conversations | RSS, MB | descriptors | threads | CPU, s |\n|---|---|---|---|---|")
    print("\n".join(rows))
    print(f"\n{count} conversations in {minutes:.1f} min; failures: {failures or 'none'}; exit status {status}.")
    print("Events: " + ", ".join(f"{name} {n}" for name, n in sorted(tail.counts.items())))


if __name__ == "__main__":
    main()
