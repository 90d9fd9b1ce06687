"""What keeps sound whole on a busy machine: the daemon speaks while others take all the CPU there is.

    sudo python bench/load.py [--loops 12] [--seconds 10] [--rounds 2]

Busy loops of ordinary priority against the whole daemon on the virtual sound card, with an acoustic loop, while the
assistant speaks: as it is, with the unit's niceness, and with real-time priority for the two sound threads alone.
Prints markdown. Root, for the priorities.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.scripted_server import ScriptedServer  # noqa: E402

from speakerd.demo.daemon import Daemon  # noqa: E402
from speakerd.demo.play import say  # noqa: E402
from speakerd.demo.recording import speak  # noqa: E402
from speakerd.demo.soundcard import VirtualSoundCard  # noqa: E402

CONFIG = 'realtime: {{url: "{url}"}}\nconversation: {{silence_timeout_s: 3, max_reply_s: 600.0}}\n'
START = "from speakerd.cli import main; main()"
REAL_TIME = """\
import os
from speakerd.threads import Worker
def main_of_thread(worker, plain=Worker._main):
    if worker.name in ("capture", "playback"):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    plain(worker)
Worker._main = main_of_thread
"""
WAYS = {
    "as any process": START,
    "niceness -11, as in the unit": f"import os; os.nice(-11); {START}",
    "real-time priority for the sound threads": REAL_TIME + START,
}
COUNTERS = ("playback_xruns", "capture_xruns", "capture_dropped", "reference_late", "reference_realigned")


def speak_under_load(program: str, loops: int, seconds: float) -> dict[str, int]:
    """The totals of one conversation in which the assistant speaks for `seconds`."""
    with tempfile.TemporaryDirectory() as name, ScriptedServer() as server, VirtualSoundCard(Path(name) / "c") as card:
        card.loop(40, -20.0)
        daemon = Daemon(card, Path(name), CONFIG.format(url=server.url), {"PYTHONPATH": str(ROOT)}, ("-c", program))
        daemon.start()
        assert daemon.wait("Ready", timeout_s=20), daemon.log_path.read_text()
        speak(card, *say("Hey Jarvis")).wait()
        assert daemon.wait("StateChanged", state="LISTENING"), daemon.log_path.read_text()
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
        began_s = time.monotonic()
        try:
            server.user_turn()
            server.answer((6_000 * np.sin(np.arange(round(seconds * 24_000)) * 0.17)).astype(np.int16))
            assert daemon.wait("PlayoutDrained", began_s, 2 * seconds + 10), "the reply did not end"
        finally:
            for process in busy:
                process.kill()
                process.wait()
        counted = daemon.wait("Counters", began_s, 20)
        assert counted
        daemon.stop()
        return {counter: counted[counter] for counter in COUNTERS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loops", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    print(f"{options.loops} busy loops, {options.rounds} replies of {options.seconds:g} s:\n")
    print(f"| | {' | '.join(COUNTERS)} |\n|---|{'---|' * len(COUNTERS)}")
    for way, program in WAYS.items():
        runs = [speak_under_load(program, options.loops, options.seconds) for _ in range(options.rounds)]
        figures = (", ".join(str(run[counter]) for run in runs) for counter in COUNTERS)
        print(f"| {way} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
