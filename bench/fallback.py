"""How soon a speaker answers whose service cannot be reached, and what the stand-in costs while it is not needed.

    python -m bench.fallback [--wakes 5]

The whole daemon on a pretended card (real time, no sound system), asked the time by flite. The service refuses
connections, or its machine takes them and says nothing. Prints a markdown table.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.pretend_card import PretendCard  # noqa: E402
from support.scripted_server import no_server  # noqa: E402

from speakerd.demo.daemon import Daemon  # noqa: E402
from speakerd.demo.play import say  # noqa: E402

CONFIG = """\
realtime: {{url: "{url}", fallback: {fallback}}}
conversation: {{silence_timeout_s: 1.0}}
sounds: {{notices: false}}
"""


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """The URL of a machine that takes connections, and that is all."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        yield f"ws://127.0.0.1:{deaf.getsockname()[1]}/v1/realtime"


def pss_mb(pid: int) -> float:
    """What the process has of the machine's memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def measure(name: str, url: str, fallback: str, wakes: int) -> None:
    """One row for each kind of call: the first of the outage, and those after it."""
    question, rate_hz = say("Hey Jarvis, what time is it?")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        card = PretendCard(Path(folder) / "card")
        stack.callback(card.close)
        config = CONFIG.format(url=url, fallback=fallback)
        daemon = Daemon(card, Path(folder), config, card.env, card.program)
        daemon.start()
        stack.callback(daemon.stop)
        assert daemon.wait("Ready", timeout_s=40), daemon.log_path.read_text()
        time.sleep(1)
        before_mb = pss_mb(daemon.pid)
        ready_ms, sound_ms = [], []
        for _ in range(wakes):
            began_s = time.monotonic()
            card.say(question)
            woken = daemon.wait("WakeDetected", began_s, 5)
            ready = daemon.wait("SessionReady", began_s, 8)
            sounds = daemon.wait("PlayoutStarted", began_s, 15)
            if not (woken and ready and sounds):
                print(f"| {name}: not answered | | | | |")
                continue
            ready_ms.append((ready["t"] - woken["t"]) * 1000)
            sound_ms.append((sounds["t"] - began_s - question.size / rate_hz) * 1000)
            daemon.wait("StateChanged", sounds["t"], 40, state="IDLE")
            time.sleep(1.2)  # the refractory time
        after_mb = pss_mb(daemon.pid)
    for which, ready, sound in (("first", ready_ms[:1], sound_ms[:1]), ("later", ready_ms[1:], sound_ms[1:])):
        spans = [f"{min(some):.0f}-{max(some):.0f}" if some else "-" for some in (ready, sound)]
        print(
            f"| {name}, {which} ({len(ready)}) | {spans[0]} | {spans[1]} | {before_mb:.0f} | {after_mb:.0f} |",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wakes", type=int, default=5)
    options = parser.parse_args()
    print("| service | wake word → session, ms | end of the question → answer, ms | PSS before, MB | after |")
    print("|---|---|---|---|---|")
    with no_server() as url:
        measure("not needed, `fallback: none`", url, "none", 0)
        measure("refuses", url, "embedded", options.wakes)
    with silent_server() as url:
        measure("silent", url, "embedded", options.wakes)


if __name__ == "__main__":
    main()
