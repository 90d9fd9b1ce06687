"""What waiting for the wake word costs: CPU seconds a second, and memory, beside a bare loop of openwakeword.

    python bench/idle.py loops [--seconds 120] [--loud]
        our front-end and openwakeword (onnx), 1 and 4 words, each in a process of its own over the same
        sound as fast as it can; ours a second time while the assistant speaks, with all that listens then.
        `script/referee bench` installs openwakeword first
    python bench/idle.py daemon [--seconds 60] [--loud]
        the whole daemon, idle on the virtual sound card, in real time, and beside it openwakeword (onnx);
        both are given the same sound: faint noise, or with --loud speech without a pause. Then the daemon's threads

Both print Markdown. The figures of one run can be compared, those of two runs cannot.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerd.config.model import Wake, WakeWord
from speakerd.demo.daemon import Daemon
from speakerd.demo.play import say
from speakerd.demo.recording import speak
from speakerd.demo.soundcard import VirtualSoundCard
from speakerd.dsp.aec import WebRtcCanceller
from speakerd.mic.bargein import BargeInJudge
from speakerd.mic.doubletalk import DoubleTalk
from speakerd.mic.duplex import Duplex
from speakerd.mic.frontend import FrontEnd
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, NOTHING_PLAYS, FarFrame, NearFrame

ROOT = Path(__file__).resolve().parents[1]
OPENWAKEWORD = (str(ROOT / ".venv-bench" / "bin" / "python"), str(Path(__file__).parent / "loop_openwakeword.py"))
FRONT_END = (sys.executable, __file__, "front-end")
LOOPS: dict[str, tuple[Any, ...]] = {
    "openwakeword 0.4.0, onnx": (OPENWAKEWORD,),
    "speakerd front-end, waiting": (FRONT_END,),
    "speakerd front-end while the assistant speaks": (FRONT_END, "--playing"),
}
OUR_WORDS = ("hey_jarvis", "alexa", "hey_mycroft", "hey_rhasspy")
ROUNDS = 3
SETTLE_S = 15.0
"""After this the loudspeaker rests."""


@dataclass(frozen=True, slots=True)
class Cost:
    cpu_s_per_s: float
    rss_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    loops = verbs.add_parser("loops")
    loops.add_argument("--seconds", type=int, default=120)
    daemon = verbs.add_parser("daemon")
    daemon.add_argument("--seconds", type=int, default=60)
    front_end = verbs.add_parser("front-end", help="one loop of ours, for the verb loops")
    front_end.add_argument("sound", type=Path)
    front_end.add_argument("words", type=int)
    front_end.add_argument("--playing", action="store_true")
    for verb in (loops, daemon):
        verb.add_argument("--loud", action="store_true", help="speech without a pause instead of a quiet room")
    options = parser.parse_args()
    if options.verb == "front-end":
        run_front_end(options.sound, options.words, playing=options.playing)
        return
    if not Path(OPENWAKEWORD[0]).exists():
        sys.exit("bench/idle.py: run `script/referee bench` first")
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.npy"
        if options.verb == "loops":
            np.save(sound, sound_of(options.seconds, loud=options.loud))
            compare_loops(sound)
        else:
            np.save(sound, sound_of(options.seconds + 60, loud=options.loud))
            compare_daemon(Path(folder), sound, options.seconds)


def sound_of(seconds: int, *, loud: bool) -> np.ndarray:
    """A quiet room (white noise at −60 dBFS), in which our models rest; or speech without a pause: no rest."""
    size = seconds * NEAR_RATE_HZ
    if loud:
        speech, _ = say("The quick brown fox jumps over the lazy dog and then it tells a long story about that.")
        return np.resize(speech, size)
    return np.random.default_rng(1).normal(0, 33, size).astype(np.int16)


def compare_loops(sound: Path) -> None:
    print("| loop | words | CPU s per s of sound | RSS, MB | CPU against openwakeword |")
    print("|---|---|---|---|---|")
    for words in (1, 4):
        costs: dict[str, list[Cost]] = {name: [] for name in LOOPS}
        for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine meets all
            for name, (program, *flags) in LOOPS.items():
                costs[name].append(loop_cost([*program, str(sound), str(words), *flags]))
        base = statistics.median(c.cpu_s_per_s for c in costs["openwakeword 0.4.0, onnx"])
        for name, some in costs.items():
            cpu, rss = statistics.median(c.cpu_s_per_s for c in some), max(c.rss_mb for c in some)
            print(f"| {name} | {words} | {cpu:.4f} | {rss:.0f} | {cpu / base:.2f} |")
    print(f"\nMedian of {ROUNDS} rounds, highest RSS.")


def loop_cost(command: list[str]) -> Cost:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return Cost(**json.loads(result.stdout.splitlines()[-1]))


def run_front_end(sound: Path, words: int, *, playing: bool) -> None:
    """One loop of ours in this process."""
    samples = np.load(sound).reshape(-1, NEAR_PERIOD_FRAMES)
    wake = Wake(words=tuple(WakeWord(model=word) for word in OUR_WORDS[:words]))
    duplex = Duplex(WebRtcCanceller(), DoubleTalk(), BargeInJudge()) if playing else Duplex(None, None, None)
    front_end = FrontEnd(wake, duplex)
    # What it plays comes back 200 ms later, half as loud, beside the sound that both loops hear.
    far = sound_of(len(samples) // 50 + 1, loud=True)[: samples.size].reshape(samples.shape)
    echo = np.roll(far, 10, axis=0) // 2 if playing else np.zeros_like(far)
    frames = np.clip(samples.astype(np.int32) + echo, -32768, 32767).astype(np.int16)
    cpu = time.process_time()
    for index, (frame, played) in enumerate(zip(frames, far, strict=True)):
        front_end.process(NearFrame(frame, index, 0.0), FarFrame(played, playing=True) if playing else NOTHING_PLAYS)
    used = (time.process_time() - cpu) * NEAR_RATE_HZ / samples.size
    print(json.dumps({"cpu_s_per_s": used, "rss_mb": rss_mb(os.getpid())}))


def compare_daemon(folder: Path, sound: Path, seconds: int) -> None:
    with VirtualSoundCard(folder / "card") as card:
        speech = speak(card, np.load(sound), NEAR_RATE_HZ)
        referee = subprocess.Popen(
            [*OPENWAKEWORD, str(sound), "1", "--paced"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        daemon = Daemon(card, folder, "", program=(str(Path(__file__).with_name("named_threads.py")),))
        daemon.start()
        try:
            assert referee.stdout is not None
            referee.stdout.readline()
            if not daemon.wait("Ready", timeout_s=20):
                sys.exit(daemon.log_path.read_text())
            time.sleep(SETTLE_S)
            before = thread_costs(daemon.pid)
            theirs, ours = measure([referee.pid, daemon.pid], seconds)
            after = thread_costs(daemon.pid)
        finally:
            referee.terminate()
            referee.wait(timeout=10)
            speech.stop()
            status = daemon.stop()
    print("| process, in real time | CPU s per s | RSS, MB | CPU against openwakeword |")
    print("|---|---|---|---|")
    print(f"| bare loop of openwakeword 0.4.0, onnx, 1 word | {theirs.cpu_s_per_s:.4f} | {theirs.rss_mb:.0f} | 1.00 |")
    ratio = ours.cpu_s_per_s / theirs.cpu_s_per_s
    print(f"| speakerd, the whole idle daemon, 1 word | {ours.cpu_s_per_s:.4f} | {ours.rss_mb:.0f} | {ratio:.2f} |")
    print(f"\nOver {seconds} s; exit status of the daemon: {status}.\n")
    print("| thread | CPU s per s | switches per s |")
    print("|---|---|---|")
    for thread in sorted(after.keys() & before.keys()):
        cpu, switches = (new - old for new, old in zip(after[thread], before[thread], strict=True))
        print(f"| {thread[1]} | {cpu / seconds:.4f} | {switches / seconds:.0f} |")


def measure(pids: list[int], seconds: int) -> list[Cost]:
    """All threads of each process over `seconds` of real time; RSS at the end."""
    begin, start = [cpu_s(pid) for pid in pids], time.monotonic()
    time.sleep(seconds)
    end, span = [cpu_s(pid) for pid in pids], time.monotonic() - start
    return [Cost((b - a) / span, rss_mb(pid)) for a, b, pid in zip(begin, end, pids, strict=True)]


def thread_costs(pid: int) -> dict[tuple[int, str], tuple[float, int]]:
    """Of each thread, by id and name: CPU seconds so far, and how often it began to run. The main one is the loop's."""
    costs = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        ran_ns, _, switches = map(int, (task / "schedstat").read_text().split())
        name = "loop" if int(task.name) == pid else (task / "comm").read_text().strip()
        costs[int(task.name), name] = ran_ns / 1e9, switches
    return costs


def cpu_s(pid: int) -> float:
    """User and system time so far, all threads. Raises FileNotFoundError if the process is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024 / 1e6


if __name__ == "__main__":
    main()
