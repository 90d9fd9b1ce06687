"""The closed loop: a scene, frame by frame, through the daemon's `Duplex`, which ducks the assistant or pauses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import process_time

import numpy as np
from scipy.signal import fftconvolve

from bench.bargein.scenes import FRAME, Scene
from bench.bargein.signals import RATE_HZ, from_db
from speakerd.conversation.events import BargeInDetected, BargeInDismissed, BargeInSuspected
from speakerd.mic.duplex import STORM, Duplex
from speakerd.pcm import FarFrame, NearFrame

REACTION_FRAMES = 2
"""From the frame that decides to the first quieter one at the card: event loop and playback thread."""

LEAST_DELAY_MS = 20.0
"""From the card's buffer to the loudspeaker, where the reference is late."""

PAUSE_FRAMES = 100
"""2 s after an interruption that nobody meant, the assistant goes on."""

GO_ON_FRAMES = 25
"""0.5 s after somebody has spoken it goes on in any case: the bench has more to play."""


@dataclass
class Outcome:
    """What happened in a scene."""

    suspected: list[int] = field(default_factory=list)
    """Frames."""
    detected: list[int] = field(default_factory=list)
    onsets: list[int] = field(default_factory=list)
    """What each detection gave as the beginning of the words."""
    dismissed: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    half_duplex_frames: int = 0
    storm_frames: int = 0
    played_frames: int = 0
    cpu_s: float = 0.0


def run(scene: Scene, duplex: Duplex, rng: np.random.Generator, duck_db: float = 15.0) -> Outcome:
    """Play the scene; the gain changes by what `duplex` decides, with ramps of 20 ms, and the echo with it."""
    stage, outcome = _Stage(scene, duck_db), Outcome()
    lost = rng.random(stage.frames) < scene.plan.lost
    blank = np.zeros(FRAME, np.int16)
    for k in range(stage.frames):
        near = NearFrame(stage.microphone(k), k, k * 0.02)
        far = FarFrame(blank if lost[k] else stage.reference(k), playing=stage.playing(k))
        began = process_time()
        _, events = duplex.process(near, far)
        outcome.cpu_s += process_time() - began
        outcome.played_frames += far.playing
        outcome.half_duplex_frames += bool(duplex.half_duplex)
        outcome.storm_frames += duplex.half_duplex == STORM
        for event in events:
            match event:
                case BargeInSuspected():
                    outcome.suspected.append(k)
                    stage.set_gain(k, from_db(-duck_db))
                case BargeInDismissed():
                    outcome.dismissed.append(k)
                    stage.set_gain(k, 1.0)
                case BargeInDetected():
                    outcome.detected.append(k)
                    outcome.onsets.append(event.onset_index)
                    stage.pause(k)
    return outcome


class _Stage:
    """Loudspeaker, room and microphone."""

    def __init__(self, scene: Scene, duck_db: float) -> None:
        self._scene = scene
        self.frames = len(scene.far) // FRAME
        self._gain = np.ones(len(scene.far) + RATE_HZ, np.float32)
        self._full = scene.loudspeaker()
        self._echo = np.concatenate([scene.echo(self._full), np.zeros(RATE_HZ, np.float32)])
        late = scene.plan.delay_ms < LEAST_DELAY_MS
        self._to_room = round((LEAST_DELAY_MS if late else scene.plan.delay_ms) * RATE_HZ / 1000)
        self._to_reference = round((LEAST_DELAY_MS - scene.plan.delay_ms) * RATE_HZ / 1000) if late else 0
        self._volume = from_db(scene.plan.clip_db)

    def reference(self, k: int) -> np.ndarray:
        """The reference frame, after ducking."""
        x = self._scene.far[k * FRAME : (k + 1) * FRAME] * self._gain_at(k * FRAME - self._to_reference)
        return np.clip(np.round(x * 32767), -32768, 32767).astype(np.int16)

    def playing(self, k: int) -> bool:
        """Whether the assistant is audible."""
        return bool(self._gain[k * FRAME] > 0 and k * FRAME >= self._scene.plan.opening_s * RATE_HZ)

    def microphone(self, k: int) -> np.ndarray:
        """The near frame."""
        here = slice(k * FRAME, (k + 1) * FRAME)
        jumped_ms = sum(more_ms for at_s, more_ms in self._scene.plan.jumps if k * FRAME >= at_s * RATE_HZ)
        gain = self._gain_at(k * FRAME - self._to_room - round(jumped_ms * RATE_HZ / 1000))
        if (gain != 1).any():
            self._change_echo(here, gain)
        x = (self._echo[here] + self._scene.room_sound[here]) * self._volume
        return np.clip(np.round(x * 32767), -32768, 32767).astype(np.int16)

    def set_gain(self, k: int, gain: float, after_frames: int = REACTION_FRAMES) -> None:
        """From some frames after `k` on."""
        start = (k + after_frames) * FRAME
        if start + FRAME >= len(self._gain):
            return
        self._gain[start : start + FRAME] = np.linspace(self._gain[start - 1], gain, FRAME)
        self._gain[start + FRAME :] = gain

    def pause(self, k: int) -> None:
        """Silence; go on after a while, or when the user is done."""
        self.set_gain(k, 0.0)
        ends = [b.end + GO_ON_FRAMES for b in self._scene.bursts if b.onset - 10 <= k <= b.end + GO_ON_FRAMES]
        self.set_gain(k, 1.0, max([PAUSE_FRAMES, *(end - k for end in ends)]))

    def _gain_at(self, start: int) -> np.ndarray:
        if start >= 0:
            return self._gain[start : start + FRAME]
        return np.concatenate([np.ones(FRAME, np.float32), self._gain[:FRAME]])[max(0, FRAME + start) :][:FRAME]

    def _change_echo(self, here: slice, gain: np.ndarray) -> None:
        # The echo was made for full volume; what is missing now is taken from this frame's answer of the room.
        scene = self._scene
        x, drive = scene.played[here] * gain, scene.plan.drive
        emitted = x if drive == 0 else np.tanh(drive * (x + 0.1 * x * x)) / drive
        moved = 0 < scene.plan.moved_s * RATE_HZ <= here.start
        change = fftconvolve(emitted - self._full[here], scene.answers[1 if moved else 0])
        stop = min(here.start + len(change), len(self._echo))
        self._echo[here.start : stop] += change[: stop - here.start].astype(np.float32)
