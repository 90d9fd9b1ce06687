"""What the network learns from: scenes run through the daemon's canceller and features, with labels."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import cache as remember
from pathlib import Path

import numpy as np

from bench.bargein.cancellers import make_canceller
from bench.bargein.scenes import FRAME, Plan, Scene, Studio, dips, with_gain
from bench.bargein.signals import from_db
from speakerd.dsp.echoview import EchoView
from speakerd.mic.doubletalk import FEATURES, Features
from speakerd.pcm import Samples

SECONDS = 40.0
FRAMES = int(SECONDS * 50)
LABEL_DB = 22.0
"""A frame is near-end speech while it is within this of its burst's own level …"""
HOLD_FRAMES = 9
"""… and 180 ms after: words have gaps."""
HOPELESS_DB = -26.0
"""Frames of a burst this far under echo and noise teach nothing."""


def plan(rng: np.random.Generator, number: int, noisy: bool = False) -> Plan:
    """A scene for training: everything may happen. `noisy`: the room is full of noise or music, and few speak."""
    echo_dbfs = float(rng.uniform(-40, -12))
    noise = str(rng.choice(["hiss", "pink", "recorded", "music"], p=[0.2, 0.2, 0.27, 0.33]))
    if noisy:
        noise = str(rng.choice(["recorded", "music"], p=[0.75, 0.25]))
    relative_db = {
        "hiss": 0,
        "pink": rng.uniform(-45, -12),
        "recorded": rng.uniform(-30, 4),
        "music": rng.uniform(-30, 4),
    }
    trouble = rng.random()
    talk = rng.random() < (0.35 if noisy else 0.62)
    delay_ms = float(rng.uniform(-150, -10)) if trouble < 0.06 else float(rng.uniform(8, 250))
    jump_ms = max(float(rng.choice([-1, 1]) * rng.uniform(10, 100)), 8 - delay_ms)
    return Plan(
        seconds=SECONDS,
        rt60_room=number,
        delay_ms=delay_ms,
        jumps=((float(rng.uniform(8, 32)), jump_ms),) if rng.random() < 0.1 else (),
        drift_ppm=float(rng.uniform(-100, 100)) if rng.random() < 0.5 else 0.0,
        drive=float(rng.choice([0.0, 0.7, 1.5, 3.0, 5.0])),
        echo_dbfs=echo_dbfs,
        echo_missing=bool(rng.random() < 0.12),
        noise=noise,
        noise_dbfs=float(np.clip(echo_dbfs + relative_db[noise], -75, -12)),
        hiss_dbfs=float(rng.uniform(-85, -58)),
        ser_db=float(rng.uniform(-16, 12)) if talk else None,
        ser_spread_db=3.0,
        short=float(rng.choice([0.2, 0.8])),
        first_s=1.5,
        pause_s=(0.8, 5.0),
        taps_per_minute=float(rng.choice([0, 15, 40], p=[0.55, 0.25, 0.2])),
        tap_dbfs=(echo_dbfs - 12, min(-1.0, echo_dbfs + 24)),
        lost=float(rng.uniform(0.03, 0.3)) if 0.06 <= trouble < 0.13 else 0.0,
        clip_db=float(rng.uniform(-echo_dbfs - 12, -echo_dbfs + 6)) if 0.13 <= trouble < 0.18 else 0.0,
        canceller=str(rng.choice(["webrtc", "livekit", "linear", "none"], p=[0.8, 0.11, 0.05, 0.04])),
        moved_s=float(rng.uniform(8, 30)) if rng.random() < 0.12 else 0.0,
        dips=float(rng.choice([0.0, 0.15, 0.3])),
        replies_s=(6.0, 30.0),
    )


def microphone(scene: Scene, echo: np.ndarray) -> Samples:
    """What the card hands over, clipped if the plan says so."""
    x = (echo + scene.room_sound) * from_db(scene.plan.clip_db)
    return np.clip(np.round(x * 32767), -32768, 32767).astype(np.int16)


def reference(scene: Scene, rng: np.random.Generator) -> Samples:
    """What the daemon is told, with its losses."""
    far = np.clip(np.round(scene.far * 32767), -32768, 32767).astype(np.int16).reshape(-1, FRAME)
    far[rng.random(len(far)) < scene.plan.lost] = 0
    return far.reshape(-1)


def labels(scene: Scene, echo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per frame: somebody speaks (bool), and whether the frame may teach (bool)."""
    level = _frame_db(scene.near)
    speaks = np.zeros(len(level), bool)
    teaches = np.ones(len(level), bool)
    drowned = level - _frame_db(echo + scene.room_sound - scene.near) < HOPELESS_DB
    for burst in scene.bursts:
        frames = slice(max(0, burst.onset - 2), burst.end + 25)
        own = level[frames]
        loud = own > 10 * np.log10(np.mean(10 ** (own[own > own.max() - 30] / 10))) - LABEL_DB
        held = np.convolve(loud, np.ones(HOLD_FRAMES + 1))[: len(loud)] > 0
        speaks[frames] |= held
        teaches[frames] &= ~drowned[frames] | ~held
    return speaks, teaches


def _frame_db(x: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.square(x.reshape(-1, FRAME), dtype=np.float64).mean(axis=1) + 1e-12)


@remember
def _studio(cache: Path, split: str) -> Studio:
    return Studio(cache, split)


def _example(job: tuple[Path, str, int, int, bool]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cache, split, seed, number, noisy = job
    rng = np.random.default_rng([seed, number])
    scene = _studio(cache, split).compose(plan(rng, number, noisy), rng)
    scene = with_gain(scene, dips(rng, scene))
    echo = scene.echo(scene.loudspeaker())
    near, far = microphone(scene, echo), reference(scene, rng)
    canceller, view, features = make_canceller(scene.plan.canceller), EchoView(), Features()
    seen = np.empty((len(near) // FRAME, FEATURES), np.float16)
    for k in range(len(seen)):
        frame = slice(k * FRAME, (k + 1) * FRAME)
        out = canceller.process(near[frame], far[frame])
        seen[k] = features.take(view.process(near[frame], out, far[frame]))
    speaks, teaches = labels(scene, echo)
    return seen, speaks, teaches


def prepare(
    cache: Path, split: str, scenes: int, seed: int, processes: int, *, name: str = "", noisy: bool = False
) -> None:
    """Write `cache`/data/NAME.npz: features (scenes, frames, FEATURES) float16, speaks, teaches (scenes, frames)."""
    jobs = [(cache, split, seed, n, noisy) for n in range(scenes)]
    with ProcessPoolExecutor(processes) as workers:
        done = list(workers.map(_example, jobs, chunksize=4))
    (cache / "data").mkdir(exist_ok=True)
    x, speaks, teaches = (np.stack(column) for column in zip(*done, strict=True))
    np.savez(cache / "data" / f"{name or split}.npz", x=x, speaks=speaks, teaches=teaches)
    print(f"{name or split}: {scenes} scenes, {x.shape[1] * scenes / 50 / 3600:.1f} h, {speaks.mean():.0%} speech")
