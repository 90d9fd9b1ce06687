"""The scenes of the test, and of the tuning: which, how many, how loud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.bargein.scenes import Plan

NOISES = ("pink", "recorded", "music")
NOISE_DBFS = {"pink": (-60.0, -42.0), "recorded": (-52.0, -32.0), "music": (-48.0, -30.0)}
"""Beside an echo of −28 to −16 dBFS: music is from well under the assistant to nearly as loud."""

JUMPS = tuple((20.0 * k, 60.0 if k % 2 else -60.0) for k in range(1, 8))

OPENING_S = 3.0

TALK_NOISE_DBFS = (-62.0, -52.0)


@dataclass(frozen=True)
class Take:
    """One scene of a suite."""

    suite: str
    number: int
    plan: Plan
    user: str = ""
    """Who speaks over the assistant: a speaker's name, or * for anyone."""


def alone(hours: float, scene_s: float = 150.0) -> Iterator[Take]:
    """The assistant speaks, and nobody else: a third each with pink noise, recorded noise, and music in the room."""
    for n in range(round(hours * 3600 / scene_s)):
        kind = NOISES[n % 3]
        yield Take(f"alone, {kind}", n, _with_noise(_plan(n, scene_s), kind, n))


def animals(scenes: int, scene_s: float = 150.0) -> Iterator[Take]:
    """Dogs, cats and birds, in the voice's own band: no household noise, but part of some households."""
    for n in range(scenes):
        plan = _with_noise(_plan(3000 + n, scene_s), "recorded", n)
        yield Take("animals", n, replace(plan, noise="animals"))


def taps(count: int) -> Iterator[Take]:
    """Things fall, knock and slam, now and then louder than the assistant."""
    for n in range(max(1, count // 20)):
        yield Take("taps", n, replace(_plan(500 + n, 128.0), taps_per_minute=10.0, tap_dbfs=(-25.0, -2.0), first_s=4.0))


def talk(scenes: int, ser_db: float, users: tuple[str, ...], short: bool, scene_s: float = 60.0) -> Iterator[Take]:
    """People interrupt, every few seconds."""
    name = f"short words, SER {ser_db:+.0f}" if short else f"SER {ser_db:+.0f}"
    for n in range(scenes):
        plan = replace(_plan(1000 + n, scene_s), ser_db=ser_db, first_s=5.0, pause_s=(3.0, 5.0))
        plan = replace(plan, short=float(short), interrupts=True)
        kind = NOISES[n % 2]
        low, high = TALK_NOISE_DBFS
        plan = replace(plan, noise=kind, noise_dbfs=float(_rng(1000 + n).uniform(low, high)))
        yield Take(name, n, plan, users[n % len(users)])


def first_answers(scenes: int, ser_db: float, users: tuple[str, ...]) -> Iterator[Take]:
    """The first answer after the start: until then nothing is known of the echo, and the user spoke with it."""
    for take in talk(scenes, ser_db, users, short=False, scene_s=16.0):
        plan = replace(take.plan, opening_s=OPENING_S, first_s=OPENING_S + 2.5)
        yield replace(take, suite=f"first answer, SER {ser_db:+.0f}", plan=plan)


def first_answers_alone(scenes: int) -> Iterator[Take]:
    """There, with nobody but the assistant once it answers."""
    for take in alone(scenes * 16.0 / 3600, scene_s=16.0):
        yield replace(take, suite=f"first answer, {take.suite}", plan=replace(take.plan, opening_s=OPENING_S))


def echoless(scenes: int, ser_db: float, users: tuple[str, ...], scene_s: float = 60.0) -> Iterator[Take]:
    """The microphone does not hear the loudspeaker: headphones, or a canceller of its own. SER is as if it did."""
    for take in talk(scenes, ser_db, users, short=False, scene_s=scene_s):
        yield replace(take, suite=f"no echo, SER {ser_db:+.0f}", plan=replace(take.plan, echo_missing=True))


def echoless_alone(hours: float) -> Iterator[Take]:
    """There, with nobody but the assistant: the room's noise is all that is heard."""
    for take in alone(hours):
        yield replace(take, suite=f"no echo, {take.suite}", plan=replace(take.plan, echo_missing=True))


def troubles(minutes_each: float, scene_s: float = 150.0) -> Iterator[Take]:
    """Things that go wrong, with the assistant alone."""
    kinds = {
        "late reference (100 ms)": {"delay_ms": -100.0},
        "lost reference (20 %)": {"lost": 0.2},
        "jumping delay (60 ms every 20 s)": {"delay_ms": 120.0, "jumps": JUMPS},
        "clipped microphone": {"clip_db": 24.0},
        "other canceller (livekit)": {"canceller": "livekit"},
        "other canceller (linear)": {"canceller": "linear"},
    }
    for name, change in kinds.items():
        for n in range(max(3, round(minutes_each * 60 / scene_s))):
            plan = _with_noise(_plan(2000 + n, scene_s), NOISES[n % 3], n)
            yield Take(name, n, replace(plan, **change))


def whole(hours: float, users: tuple[str, ...], short_users: tuple[str, ...], part: float = 1.0) -> list[Take]:
    """All of the test; `part` of the interruptions and troubles."""
    scenes = round(34 * part)
    takes = [*alone(hours), *taps(round(200 * part))]
    for ser_db in (10.0, 0.0, -10.0):
        takes += talk(scenes, ser_db, users, short=False)
        takes += first_answers(round(60 * part), ser_db, users)
    takes += talk(scenes, 0.0, short_users, short=True)
    takes += first_answers_alone(round(90 * part))
    for ser_db in (10.0, 0.0):
        takes += echoless(round(12 * part), ser_db, users)
    takes += echoless_alone(part / 2)
    return [*takes, *animals(round(8 * part)), *troubles(30 * part)]


def _rng(n: int) -> np.random.Generator:
    return np.random.default_rng([5, n])


def _plan(n: int, seconds: float) -> Plan:
    rng = _rng(n)
    return Plan(
        seconds=seconds,
        rt60_room=n,
        delay_ms=float(rng.uniform(20, 250)),
        drift_ppm=float(rng.choice([0, 0, -100, 100, 50])),
        drive=float(rng.choice([0.0, 1.5, 1.5, 3.0])),
        echo_dbfs=float(rng.uniform(-28, -16)),
        hiss_dbfs=float(rng.uniform(-80, -65)),
        replies_s=(8.0, 40.0),
    )


def _with_noise(plan: Plan, kind: str, n: int) -> Plan:
    return replace(plan, noise=kind, noise_dbfs=float(_rng(7000 + n).uniform(*NOISE_DBFS[kind])))
