"""Echo cancellers side by side: how much echo they take, how much of the user they leave, what they cost.

    python bench/cancellers.py CACHE

CACHE is what `python -m bench.bargein data` has made; needs `pystoi` too. Twelve simulated rooms of the test set: a
minute of the assistant alone (ERLE over its last 40 s), then one with people over it (STOI of what is left, from 3 s
on, against the people alone). CPU and memory in a process of its own each. Prints markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

NAMES = ("none", "webrtc", "livekit", "linear")
ROOMS = 12
SERS_DB = (-10.0, 0.0, 10.0)


def rss_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def library_mb(name: str) -> float:
    """What importing and making one takes, before anything else is loaded."""
    before_mb = rss_mb()
    match name:
        case "webrtc":
            from pywebrtc_audio import AudioProcessor

            kept = AudioProcessor(sample_rate=16_000, echo_cancellation=True, noise_suppression=True)
        case "livekit":
            from livekit import rtc

            kept = rtc.AudioProcessingModule(echo_cancellation=True, noise_suppression=True, high_pass_filter=True)
        case "linear":
            from speakerd.dsp.linear_echo import LinearEcho

            kept = LinearEcho()
        case _:
            kept = None
    grown_mb = rss_mb() - before_mb
    del kept
    return grown_mb


def cancelled(canceller, mic: np.ndarray, far: np.ndarray) -> np.ndarray:  # noqa: ANN001
    return np.concatenate([canceller.process(one, other) for one, other in zip(mic, far, strict=True)]).astype(float)


def measure(cache: Path, name: str) -> None:
    """All figures of one canceller, as a line of JSON."""
    memory_mb = library_mb(name)
    from pystoi import stoi

    from bench.bargein.cancellers import make_canceller
    from bench.bargein.dataset import microphone, reference
    from bench.bargein.scenes import FRAME, Studio
    from bench.bargein.suites import _plan
    from speakerd.pcm import NEAR_RATE_HZ

    studio = Studio(cache, "test")
    users = sorted(studio.speakers)
    erle_db, used_s, seconds = [], 0.0, 0.0
    stois: dict[float, list[float]] = {ser_db: [] for ser_db in SERS_DB}
    for number in range(ROOMS):
        rng = np.random.default_rng([21, number])
        for ser_db in (None, *SERS_DB):
            plan = replace(_plan(5_000 + number, 60.0), ser_db=ser_db, first_s=3.0, pause_s=(0.5, 1.0))
            scene = studio.compose(plan, rng, users[number % len(users)])
            echo = scene.echo(scene.loudspeaker())
            mic, far = microphone(scene, echo).reshape(-1, FRAME), reference(scene, rng).reshape(-1, FRAME)
            began = time.process_time()
            out = cancelled(make_canceller(name), mic, far)
            used_s += time.process_time() - began
            seconds += plan.seconds
            late = slice(20 * NEAR_RATE_HZ, None)
            if ser_db is None:
                left = np.mean(out[late] ** 2)
                erle_db.append(10 * np.log10(np.mean(mic.reshape(-1)[late].astype(float) ** 2) / max(left, 1e-9)))
            else:
                near = scene.near[3 * NEAR_RATE_HZ :]
                stois[ser_db].append(
                    max(stoi(near, np.roll(out, -lag)[3 * NEAR_RATE_HZ :], NEAR_RATE_HZ) for lag in (0, 224))
                )
    figures = {"erle": [float(np.mean(erle_db)), float(np.min(erle_db))], "memory": memory_mb}
    figures |= {"cpu": 1000 * used_s / seconds, "stoi": [float(np.mean(stois[ser_db])) for ser_db in SERS_DB]}
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--one", choices=NAMES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.cache, options.one)
        return
    print("| canceller | ERLE, dB: mean (worst) | STOI of the user at SER −10 / 0 / +10 | CPU ms per s | memory, MB |")
    print("|---|---|---|---|---|")
    for name in NAMES:
        command = [sys.executable, __file__, str(options.cache), "--one", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        f = json.loads(done.stdout.splitlines()[-1])
        quality = " / ".join(f"{value:.2f}" for value in f["stoi"])
        print(f"| {name} | {f['erle'][0]:.1f} ({f['erle'][1]:.1f}) | {quality} | {f['cpu']:.1f} | {f['memory']:.0f} |")


if __name__ == "__main__":
    main()
