"""Simulated rooms: a loudspeaker, people and noises around one microphone, by the image method."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE_HZ = 16_000
SEEDS = {"train": 1000, "tune": 2000, "test": 3000}
COUNTS = {"train": 90, "tune": 20, "test": 30}


@dataclass
class Room:
    """Impulse responses to the microphone, float32 at 16 kHz."""

    rt60_s: float
    echo: list[np.ndarray]
    """From the loudspeaker: as it stands, and after it was moved a little."""
    near: list[np.ndarray]
    """From where people and noises are."""


def make(split: str, number: int) -> Room:
    """Room `number` of a split; the same each time."""
    import pyroomacoustics

    rng = np.random.default_rng(SEEDS[split] + number)
    rt60_s = float(rng.uniform(0.2, 0.6))
    floor = np.sqrt(rng.uniform(9, 14) + (rt60_s - 0.2) * 50)
    size = np.array([floor * rng.uniform(1.0, 1.3), floor / rng.uniform(1.0, 1.3), rng.uniform(2.3, 2.8)])
    absorption, order = pyroomacoustics.inverse_sabine(rt60_s, size)
    room = pyroomacoustics.ShoeBox(
        size,
        fs=RATE_HZ,
        materials=pyroomacoustics.Material(absorption),
        max_order=order,
        use_rand_ism=True,
        max_rand_disp=0.05,
    )
    mic = np.array([*(size[:2] * rng.uniform(0.25, 0.75, 2)), rng.uniform(0.7, 1.2)])
    room.add_microphone(mic)
    loudspeaker = _around(rng, mic, rng.uniform(0.08, 0.6), size, (-0.2, 0.2))
    room.add_source(loudspeaker)
    room.add_source(_around(rng, loudspeaker, 0.03, size, (-0.5, 0.5)))
    for _ in range(4):
        room.add_source(_around(rng, mic, rng.uniform(0.5, min(3.0, size[:2].min() * 0.6)), size, (-0.1, 0.6)))
    np.random.seed(SEEDS[split] + number)  # the library's own jitter draws from it
    room.compute_rir()
    answers = [_cut(answer, rt60_s) for answer in room.rir[0]]
    return Room(rt60_s, answers[:2], answers[2:])


def _around(
    rng: np.random.Generator, centre: np.ndarray, distance_m: float, size: np.ndarray, rise: tuple[float, float]
) -> np.ndarray:
    for _ in range(200):
        angle = rng.uniform(0, 2 * np.pi)
        place = centre + distance_m * np.array([np.cos(angle), np.sin(angle), rng.uniform(*rise)])
        if (place > 0.1).all() and (place < size - 0.1).all():
            return place
    return np.clip(centre + 0.1, 0.1, size - 0.1)


def _cut(answer: np.ndarray, rt60_s: float) -> np.ndarray:
    kept = answer[: int((0.9 * rt60_s + 0.02) * RATE_HZ)].astype(np.float32)
    return kept / np.abs(kept).max()


def _make(job: tuple[str, int]) -> Room:
    return make(*job)


def prepare(cache: Path, processes: int) -> None:
    """Write all rooms to `cache`/rooms."""
    (cache / "rooms").mkdir(parents=True, exist_ok=True)
    jobs = [(split, n) for split, count in COUNTS.items() for n in range(count)]
    with ProcessPoolExecutor(processes) as workers:
        for (split, n), room in zip(jobs, workers.map(_make, jobs), strict=True):
            arrays = {f"echo{i}": h for i, h in enumerate(room.echo)} | {f"near{i}": h for i, h in enumerate(room.near)}
            np.savez(cache / "rooms" / f"{split}{n:03d}.npz", rt60_s=room.rt60_s, **arrays)


def load(cache: Path, split: str) -> list[Room]:
    """All rooms of a split."""
    rooms = []
    for path in sorted((cache / "rooms").glob(f"{split}*.npz")):
        with np.load(path) as held:
            rooms.append(
                Room(
                    float(held["rt60_s"]),
                    [held[k] for k in held.files if k.startswith("echo")],
                    [held[k] for k in held.files if k.startswith("near")],
                )
            )
    return rooms
