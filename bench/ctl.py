"""What floods of the control socket and reloads cost a daemon that converses: `python bench/ctl.py`. Prints markdown.

The daemon on the virtual sound card plays a long reply while one of these goes on; its own counters tell what it lost.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from support.scripted_server import ScriptedServer, sound_at  # noqa: E402

from speakerd.demo.daemon import Daemon  # noqa: E402
from speakerd.demo.soundcard import VirtualSoundCard  # noqa: E402
from speakerd.service.ctl.caller import ask  # noqa: E402
from speakerd.service.ctl.words import Command, Request  # noqa: E402
from speakerd.threads import Worker  # noqa: E402

REPLY_S = 20.0
FLOODERS = 8
RELOADS = 50
LOST = ("capture_xruns", "capture_dropped", "playback_xruns", "playout_underruns", "frame_batches_dropped")
STATUS = Request(Command.STATUS)


def main() -> None:
    """Run and print."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "run").mkdir()
        card = stack.enter_context(VirtualSoundCard(folder))
        server = stack.enter_context(ScriptedServer())
        config = f'realtime: {{url: "{server.url}"}}\nconversation: {{silence_timeout_s: 1.0}}\n'
        path = folder / "run" / "ctl"
        daemon = Daemon(card, folder, config, {"RUNTIME_DIRECTORY": str(path.parent)})
        daemon.start()
        stack.callback(lambda: daemon.exit_status is None and daemon.stop())
        assert daemon.wait("Ready", timeout_s=30), daemon.log_path.read_text()
        print(f"| while a reply of {REPLY_S:.0f} s sounds | {' | '.join(LOST)} | CPU, % of a core |")
        print("|" + "---|" * (len(LOST) + 2))
        for name, trouble in (("nothing", lambda: []), (f"{FLOODERS} callers flood", lambda: flood(path))):
            converse(daemon, server, path, name, trouble)
        print(f"\n`status`: {latency(path)}; `reload` of another wake word: {reloads(daemon, path, folder)}")


def converse(daemon: Daemon, server: ScriptedServer, path: Path, name: str, begin: Callable[[], list[Worker]]) -> None:
    """A row of the table."""
    before, cpu_s = counters(path), cpu(daemon)
    began_s = time.monotonic()
    ask(Request(Command.WAKE), [path])
    assert daemon.wait("StateChanged", since_s=began_s, state="LISTENING")
    server.user_turn()
    server.answer(sound_at(REPLY_S))
    assert daemon.wait("StateChanged", since_s=began_s, state="SPEAKING")
    workers = begin()
    assert daemon.wait("StateChanged", since_s=began_s, state="IDLE", timeout_s=REPLY_S + 20)
    for worker in workers:
        worker.stop()
        worker.join(5)
    used = 100 * (cpu(daemon) - cpu_s) / (time.monotonic() - began_s)
    time.sleep(1)
    after = counters(path)
    print(f"| {name} | {' | '.join(str(after[key] - before[key]) for key in LOST)} | {used:.0f} |")


def flood(path: Path) -> list[Worker]:
    """Connect, send garbage, hang up; as fast as it goes."""

    def run(worker: Worker) -> None:
        while not worker.stopping:
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                    connection.settimeout(0.1)
                    connection.connect(str(path))
                    connection.sendall(os.urandom(1_000) + b"\n")
            except OSError:
                worker.pause(0.002)

    workers = [Worker(f"flood-{number}", run, lambda *_: None) for number in range(FLOODERS)]
    for worker in workers:
        worker.start()
    return workers


def counters(path: Path) -> dict[str, int]:
    """As `status` tells them, when it can be asked."""
    while not (reply := ask(STATUS, [path])).ok:
        time.sleep(0.5)
    return dict(reply.data["counters"])


def latency(path: Path) -> str:
    """Of 40 requests, not too fast."""
    times_ms = []
    for _ in range(40):
        began_s = time.monotonic()
        ask(STATUS, [path])
        times_ms.append((time.monotonic() - began_s) * 1000)
        time.sleep(0.1)
    return f"median {statistics.median(times_ms):.1f} ms, longest {max(times_ms):.1f} ms"


def reloads(daemon: Daemon, path: Path, folder: Path) -> str:
    """Of so many, and what they left behind."""
    file = folder / "speakerd.yaml"
    text = file.read_text()
    times_ms, before, sizes = [], counters(path), [size(daemon)]
    for number in range(RELOADS):
        file.write_text(text + f"wake: {{words: [{{model: {('alexa', 'hey_jarvis')[number % 2]}}}]}}\n")
        began_s = time.monotonic()
        reply = ask(Request(Command.RELOAD), [path])
        times_ms.append((time.monotonic() - began_s) * 1000)
        assert reply.data["changed"] == ["wake.words"], reply
        time.sleep(0.3)
        if number in (9, RELOADS - 1):
            sizes.append(size(daemon))
    after = counters(path)
    lost, (first, some, last) = sum(after[key] - before[key] for key in LOST), sizes
    return (
        f"median {statistics.median(times_ms):.0f} ms, longest {max(times_ms):.0f} ms; {lost} losses of sound in "
        f"{RELOADS}; (RSS in MB, threads, descriptors) before {first}, after 10 {some}, after {RELOADS} {last}"
    )


def cpu(daemon: Daemon) -> float:
    """Seconds that the process has used."""
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def size(daemon: Daemon) -> tuple[int, int, int]:
    """RSS in MB, threads, descriptors."""
    process = Path(f"/proc/{daemon.pid}")
    rss_kb = next(int(line.split()[1]) for line in (process / "status").read_text().splitlines() if "VmRSS" in line)
    return rss_kb // 1024, len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))


if __name__ == "__main__":
    main()
