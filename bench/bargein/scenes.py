"""One scene: what the assistant says, how it reaches the microphone, who speaks over it, what else sounds there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from bench.bargein import noises, opening, pools, rooms
from bench.bargein.signals import RATE_HZ, active_rms, as_float, extent, fade, from_db, rms, shift

FRAME = 320
SHORT_S = 0.75


@dataclass(frozen=True)
class Plan:
    """What a scene is to hold; levels at the microphone in dBFS."""

    seconds: float
    rt60_room: int
    delay_ms: float
    """The reference leads the loudspeaker by this; negative: it is late."""
    drift_ppm: float = 0.0
    drive: float = 1.5
    """Of the loudspeaker: 0 linear, 1.5 mild, 3 strong."""
    echo_dbfs: float = -22.0
    echo_missing: bool = False
    """The microphone does not hear the loudspeaker at all: a speakerphone that cancels by itself, headphones."""
    noise: str = "hiss"
    """hiss | pink | recorded | music | animals; a hiss of the microphone's own is always there."""
    noise_dbfs: float = -60.0
    hiss_dbfs: float = -75.0
    ser_db: float | None = None
    """None: nobody speaks."""
    ser_spread_db: float = 0.0
    short: float = 0.0
    """Share of short words among what is said."""
    first_s: float = 8.0
    pause_s: tuple[float, float] = (3.0, 5.0)
    taps_per_minute: float = 0.0
    tap_dbfs: tuple[float, float] = (-20.0, -3.0)
    """Peaks."""
    lost: float = 0.0
    """Share of reference blocks that never come."""
    clip_db: float = 0.0
    """The microphone is turned up by this much and clips."""
    canceller: str = "webrtc"
    """webrtc | livekit | linear | none."""
    jumps: tuple[tuple[float, float], ...] = ()
    """At these times, in s, the delay grows by so many ms: a sound server that stutters."""
    interrupts: bool = False
    """People begin only while the assistant speaks, not in its pauses."""
    moved_s: float = 0.0
    """The loudspeaker is moved at this time; 0: never."""
    dips: float = 0.0
    """Share of time in random 15 dB dips of the far end, for training: in the closed loop the detector dips."""
    replies_s: tuple[float, float] = (60.0, 90.0)
    opening_s: float = 0.0
    """Before the assistant's first words there are the user's, and the wake sound; 0: the assistant begins."""


@dataclass
class Burst:
    """Something said over the loudspeaker."""

    onset: int
    """Frame."""
    end: int
    short: bool


@dataclass
class Scene:
    """float32 at 16 kHz, ±1 full scale, all of one length, whole frames."""

    plan: Plan
    far: np.ndarray
    """The reference at full level, before blocks of it are lost."""
    played: np.ndarray
    """The same on the microphone's clock, as it drives the loudspeaker."""
    answers: list[np.ndarray]
    """Impulse responses from the loudspeaker, gain included: before and after it was moved."""
    room_sound: np.ndarray
    """People, noise, taps: all but the echo."""
    near: np.ndarray
    """People alone."""
    bursts: list[Burst] = field(default_factory=list)
    taps: list[int] = field(default_factory=list)
    """Frames."""

    def loudspeaker(self, gain: np.ndarray | float = 1.0) -> np.ndarray:
        """What it emits when the assistant is played with this gain: a soft clip with even harmonics."""
        x = self.played * gain
        drive = self.plan.drive
        return x if drive == 0 else (np.tanh(drive * (x + 0.1 * x * x)) / drive).astype(np.float32)

    def echo(self, emitted: np.ndarray) -> np.ndarray:
        """At the microphone."""
        n = len(emitted)
        y = fftconvolve(emitted, self.answers[0])[:n]
        moved = int(self.plan.moved_s * RATE_HZ)
        if moved:
            y[moved:] = fftconvolve(emitted, self.answers[1])[moved:n]
        return y.astype(np.float32)


class Studio:
    """The sounds and rooms of one split."""

    def __init__(self, cache: Path, split: str) -> None:
        self.split = split
        self.rooms = rooms.load(cache, split)
        voices = pools.load(cache, "voice", split)
        self.speakers = {g: s for g, s in voices.by_group().items() if len(s) >= 5}
        self.animals = pools.load(cache, "animal", split).sounds
        self.noises = pools.load(cache, "noise", split).sounds + (self.animals if split == "train" else [])
        self.music = pools.load(cache, "music", split).sounds
        self.taps = pools.load(cache, "tap", split).sounds
        self.assistant = pools.assistant() if split == "test" else None

    def compose(self, plan: Plan, rng: np.random.Generator, user: str | None = None) -> Scene:
        """Build the scene; `user` fixes who speaks."""
        n = int(plan.seconds * RATE_HZ / FRAME) * FRAME
        room = self.rooms[plan.rt60_room % len(self.rooms)]
        assistant = "" if self.assistant else self._pick_assistant(rng)
        far = self._assistant(rng, plan, n, assistant)
        if plan.opening_s:
            opening.wake_sound(far)
        driven = sosfilt(butter(2, 180, "high", fs=RATE_HZ, output="sos"), far)
        played = to_room(driven, plan, drift_ppm=plan.drift_ppm)
        scene = Scene(plan, far, played, room.echo, np.zeros(n, np.float32), np.zeros(n, np.float32))
        gain = from_db(plan.echo_dbfs) / active_rms(scene.echo(scene.loudspeaker()))
        scene.answers = [h * np.float32(gain) for h in room.echo]
        if plan.ser_db is not None:
            self._talk(scene, rng, room, user, assistant)
        if plan.opening_s:
            name = user or str(rng.choice([s for s in self.speakers if s != assistant]))
            words = [self.utterance(rng, name, short=False) for _ in range(4)]
            level_dbfs = plan.echo_dbfs + (plan.ser_db or 0.0)
            opening.question(scene.near, words, level_dbfs, room, plan.opening_s)
        scene.room_sound = scene.near + self._noise(rng, plan, n, room)
        self._tap(scene, rng, room)
        if plan.echo_missing:
            scene.answers = [0 * answer for answer in scene.answers]
        return scene

    def _pick_assistant(self, rng: np.random.Generator) -> str:
        names = list(self.speakers)
        usual = [s for s in names if s.startswith(("flite", "espeak", "asterisk"))]
        return str(rng.choice(usual if rng.random() < 0.6 else names))

    def _assistant(self, rng: np.random.Generator, plan: Plan, n: int, name: str) -> np.ndarray:
        sounds = self.assistant or self.speakers[name]
        out = np.zeros(n + RATE_HZ * 30, np.float32)
        at, reply_end = int((plan.opening_s or 0.5) * RATE_HZ), rng.uniform(*plan.replies_s) * RATE_HZ
        while at < n:
            x = as_float(sounds[rng.integers(len(sounds))])
            x = fade(x * np.float32(0.12 / active_rms(x)), 400)
            out[at : at + len(x)] += x
            at += len(x) + int(rng.uniform(0.06, 0.4) * RATE_HZ)
            if at > reply_end:
                at += int(rng.uniform(0.8, 3.0) * RATE_HZ)
                reply_end = at + rng.uniform(*plan.replies_s) * RATE_HZ
        return np.clip(out[:n], -0.98, 0.98)

    def _talk(self, scene: Scene, rng: np.random.Generator, room: rooms.Room, user: str | None, assistant: str) -> None:
        plan, n = scene.plan, len(scene.near)
        at = int((plan.first_s + rng.uniform(0, 1)) * RATE_HZ)
        name = user or str(rng.choice([s for s in self.speakers if s != assistant]))
        answer = room.near[rng.integers(len(room.near))]
        while True:
            short = rng.random() < plan.short
            x = fftconvolve(self.utterance(rng, name, short), answer).astype(np.float32)
            while plan.interrupts and at + len(x) < n and not _says_much(scene.played[at : at + RATE_HZ]):
                at += RATE_HZ // 10
            if at + len(x) + RATE_HZ > n:
                return
            ser_db = (plan.ser_db or 0.0) + rng.uniform(-plan.ser_spread_db, plan.ser_spread_db)
            x *= np.float32(from_db(plan.echo_dbfs + ser_db) / active_rms(x))
            scene.near[at : at + len(x)] += x
            onset, end = extent(x)
            scene.bursts.append(Burst((at + onset) // FRAME, (at + end) // FRAME, short))
            at += end + int(rng.uniform(*plan.pause_s) * RATE_HZ)

    def utterance(self, rng: np.random.Generator, name: str, short: bool) -> np.ndarray:
        """A short word, or some seconds of talk, by one speaker: one clip or several."""
        sounds = self.speakers[name]
        x = as_float(sounds[rng.integers(len(sounds))])
        if short:
            fitting = [s for s in (sounds[i] for i in rng.integers(len(sounds), size=12)) if len(s) < SHORT_S * RATE_HZ]
            x = as_float(fitting[0]) if fitting else x[: int(rng.uniform(0.3, SHORT_S) * RATE_HZ)]
            return fade(x, 160)
        want = rng.uniform(0.8, 3.0) * RATE_HZ
        parts = [x]
        while sum(map(len, parts)) < want and self.split != "test":
            more = as_float(sounds[rng.integers(len(sounds))])
            parts += [np.zeros(int(rng.uniform(0.03, 0.15) * RATE_HZ), np.float32), more]
        return fade(np.concatenate(parts)[: int(3.2 * RATE_HZ)], 160)

    def _noise(self, rng: np.random.Generator, plan: Plan, n: int, room: rooms.Room) -> np.ndarray:
        hiss = noises.pink(rng, n) if rng.random() < 0.5 else rng.standard_normal(n).astype(np.float32)
        hiss *= np.float32(from_db(plan.hiss_dbfs) / rms(hiss))
        if plan.noise == "hiss":
            return hiss
        if plan.noise == "pink":
            y = noises.pink(rng, n)
        elif plan.noise == "music":
            y = self._music(rng, n, room)
        else:
            y = self._household(rng, n, room, self.animals if plan.noise == "animals" else self.noises)
        return hiss + y * np.float32(from_db(plan.noise_dbfs) / active_rms(y))

    def _music(self, rng: np.random.Generator, n: int, room: rooms.Room) -> np.ndarray:
        parts: list[np.ndarray] = []
        while sum(map(len, parts)) < n:
            x = as_float(self.music[rng.integers(len(self.music))])
            start = int(rng.integers(max(1, len(x) - 20 * RATE_HZ)))
            parts.append(fade(x[start : start + int(rng.uniform(20, 90) * RATE_HZ)], 800))
        return fftconvolve(np.concatenate(parts)[:n], room.near[rng.integers(len(room.near))])[:n].astype(np.float32)

    def _household(self, rng: np.random.Generator, n: int, room: rooms.Room, sounds: list[np.ndarray]) -> np.ndarray:
        y = np.zeros(n, np.float32)
        at = 0
        while at < n:
            x = self._thing(rng, sounds)
            x = np.tile(x, int(rng.integers(1, 4)))[: min(int(rng.uniform(2, 15) * RATE_HZ), n - at)]
            x = fade(x, 160) * np.float32(0.1 * from_db(rng.uniform(-10, 4)) / active_rms(x))
            y[at : at + len(x)] += x
            at += int(len(x) * rng.uniform(0.5, 1.2)) + int(rng.uniform(0, 1) * RATE_HZ)
        return fftconvolve(y, room.near[rng.integers(len(room.near))])[:n].astype(np.float32)

    def _thing(self, rng: np.random.Generator, sounds: list[np.ndarray]) -> np.ndarray:
        kind = rng.random()
        if self.split != "train":
            return noises.machine(rng) if kind < 0.2 else as_float(sounds[rng.integers(len(sounds))])
        if kind < 0.12:
            return noises.machine(rng)
        if kind < 0.24:
            return noises.signal(rng)
        x = noises.changed(rng, as_float(sounds[rng.integers(len(sounds))])[: 20 * RATE_HZ])
        if kind < 0.36:
            other = noises.changed(rng, as_float(sounds[rng.integers(len(sounds))])[: 20 * RATE_HZ])
            n = min(len(x), len(other))
            x = x[:n] + other[:n] * from_db(rng.uniform(-10, 10))
        return x

    def _tap(self, scene: Scene, rng: np.random.Generator, room: rooms.Room) -> None:
        plan, n = scene.plan, len(scene.near)
        if plan.taps_per_minute <= 0:
            return
        at = int((plan.first_s + rng.uniform(0, 1)) * RATE_HZ)
        while at < n - 3 * RATE_HZ:
            x = noises.tap(rng, self.taps)
            x = fftconvolve(x, room.near[rng.integers(len(room.near))])
            x *= from_db(rng.uniform(*plan.tap_dbfs)) / np.abs(x).max()
            scene.room_sound[at : at + len(x)] += x[: n - at].astype(np.float32)
            scene.taps.append(at // FRAME)
            at += int(RATE_HZ * 60 / plan.taps_per_minute * rng.uniform(0.6, 1.4))


def dips(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """A gain for training: the far end dips and pauses at random, oftener after somebody began to speak."""
    gain = np.ones(len(scene.far), np.float32)
    share = scene.plan.dips
    starts = list(rng.integers(0, len(gain), int(share * scene.plan.seconds / 0.8)))
    starts += [
        b.onset * FRAME + int(rng.uniform(0.1, 0.45) * RATE_HZ) for b in scene.bursts if rng.random() < 2 * share
    ]
    for start in starts:
        to = 0.0 if rng.random() < 0.1 else from_db(-rng.uniform(12, 18))
        length = int(rng.uniform(0.3, 1.2) * RATE_HZ)
        gain[start : start + length] = to
    kernel = np.full(FRAME, 1 / FRAME, np.float32)
    return fftconvolve(gain, kernel, "same").astype(np.float32).clip(0, 1)


def with_gain(scene: Scene, gain: np.ndarray) -> Scene:
    """The scene with the assistant played at this gain: far end and echo."""
    played = scene.played * to_room(gain, scene.plan, edge=1.0)
    return replace(scene, far=scene.far * gain, played=played)


def to_room(x: np.ndarray, plan: Plan, drift_ppm: float = 0.0, edge: float = 0.0) -> np.ndarray:
    """What leaves the daemon, as late as it reaches the room, on the microphone's clock."""
    delay_ms = plan.delay_ms
    y = shift(x, delay_ms / 1e3, drift_ppm, edge)
    for at_s, more_ms in plan.jumps:
        delay_ms += more_ms
        start = int(at_s * RATE_HZ)
        y[start:] = shift(x, delay_ms / 1e3, drift_ppm, edge)[start:]
    return y


def _says_much(x: np.ndarray) -> bool:
    """Whether more than half of it is louder than the pauses between words."""
    power = np.square(x[: len(x) // FRAME * FRAME]).reshape(-1, FRAME).mean(axis=1)
    return bool((power > 1e-5).mean() > 0.5)
