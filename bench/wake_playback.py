"""Wake words over the assistant's own voice: how many are missed, and does it ever wake itself?

    python bench/wake_playback.py CACHE [--hours 3]

CACHE is what `python -m bench.bargein data` has made. Recorded people say "alexa" in simulated rooms while the
assistant speaks without a pause: 10 dB fainter than its echo, as loud as it, where the microphone hears no echo, and in
the first answer after the start. The same sound is listened to as it comes from the microphone, behind AEC3, behind the
linear canceller, and as the daemon's own front-end hears it. Then hours of the assistant alone, in other rooms, with
noise and music; and the assistant saying the wake words. Prints markdown.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.bargein.cancellers import make_canceller  # noqa: E402
from bench.bargein.loop import run  # noqa: E402
from bench.bargein.scenes import FRAME, Plan, Scene, Studio, fade  # noqa: E402
from bench.bargein.suites import NOISES, OPENING_S, _plan, _with_noise  # noqa: E402
from speakerd.cli.recording import RecordingError, read_blocks  # noqa: E402
from speakerd.config.model import Wake, WakeWord  # noqa: E402
from speakerd.conversation.events import WakeDetected  # noqa: E402
from speakerd.demo.play import say  # noqa: E402
from speakerd.dsp.aec import WebRtcCanceller  # noqa: E402
from speakerd.mic.bargein import BargeInJudge  # noqa: E402
from speakerd.mic.doubletalk import DoubleTalk  # noqa: E402
from speakerd.mic.duplex import Duplex  # noqa: E402
from speakerd.mic.frontend import FrontEnd  # noqa: E402
from speakerd.pcm import NEAR_RATE_HZ, NOTHING_PLAYS, FarFrame, NearFrame  # noqa: E402
from speakerd.speaker.reference import Reference  # noqa: E402

AUDIO = ROOT.parent / "shared" / "audio"
FIRST_ANSWER = {"opening_s": OPENING_S, "first_s": OPENING_S + 1.0, "seconds": 16.0}
"""Nothing is known of the echo yet, and the user spoke over the first sound there was."""
WAKE_ONLY, WHOLE = "speakerd, barge_in: wake_word", "speakerd"
WAYS = ("microphone", "AEC3", "linear canceller", WAKE_ONLY, WHOLE)
LATE_FRAMES = 45
"""A word counts as found until 0.9 s after its end."""
CONDITIONS: dict[str, dict[str, Any]] = {
    "-10 dB": {"ser_db": -10.0},
    "+0 dB": {"ser_db": 0.0},
    "no echo": {"ser_db": 0.0, "echo_missing": True},
    "first answer, +0 dB": {"ser_db": 0.0, **FIRST_ANSWER},
    "first answer, +10 dB": {"ser_db": 10.0, **FIRST_ANSWER},
}
ALL_WORDS = ("alexa", "hey_jarvis", "hey_mycroft", "okay_nabu")


class WakeStudio(Studio):
    """A studio in which people say nothing but the wake word."""

    def __init__(self, cache: Path) -> None:
        super().__init__(cache, "test")
        clips = []
        for path in sorted((AUDIO / "wake/alexa").iterdir()):
            try:
                clips.append(np.concatenate(list(read_blocks(path))).astype(np.float32) / 32768)
            except RecordingError:
                continue  # some are damaged
        self.speakers = {"people": clips}
        self._next = 0

    def utterance(self, rng: np.random.Generator, name: str, short: bool) -> np.ndarray:
        self._next += 1
        return fade(self.speakers[name][self._next % len(self.speakers[name])], 160)


def sounds(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Microphone and reference, int16, (frames, 320)."""
    mic = scene.echo(scene.loudspeaker()) + scene.room_sound
    return tuple(
        np.clip(np.round(x * 32767), -32768, 32767).astype(np.int16).reshape(-1, FRAME) for x in (mic, scene.far)
    )


def heard(way: str, mic: np.ndarray, far: np.ndarray, words: tuple[str, ...]) -> list[tuple[int, str]]:
    """(frame, word) of each wake word that is found."""
    front_end = FrontEnd(wake_of(words), Duplex(None, None, None))
    canceller = make_canceller({"AEC3": "webrtc", "linear canceller": "linear"}.get(way, "none"))
    found = []
    for index, (near, played) in enumerate(zip(mic, far, strict=True)):
        clean = canceller.process(near, played)
        _, events = front_end.process(NearFrame(clean, index, 0.0), NOTHING_PLAYS)
        found += [(index, event.word) for event in events if isinstance(event, WakeDetected)]
    return found


class TwoClocks:
    """Brings the reference to the front-end as the daemon does: written by the loudspeaker's clock, pulled by ours."""

    def __init__(self, drift_ppm: float) -> None:
        self._rate = 1 + drift_ppm * 1e-6
        self._reference = Reference()
        self._waiting = np.zeros(0, np.int16)
        self._written = 0

    def pull(self, index: int, far: FarFrame) -> FarFrame:
        """The reference for near frame `index`; `far` is what that clock plays about now."""
        self._waiting = np.concatenate([self._waiting, far.samples])
        due = int(index * FRAME * self._rate)  # a frame behind, so that a faster clock finds something to write
        while self._written + FRAME <= due and self._waiting.size >= FRAME:
            self._reference.push(self._waiting[:FRAME], NEAR_RATE_HZ)
            self._waiting = self._waiting[FRAME:]
            self._written += FRAME
        samples, aligned = self._reference.pull(gap=False)
        return FarFrame(samples, far.playing, aligned)


class InTheLoop:
    """The daemon's front-end where the closed loop of the bench wants a Duplex; keeps the wake words that it hears."""

    half_duplex = ""

    def __init__(self, way: str, drift_ppm: float, words: tuple[str, ...]) -> None:
        judge = BargeInJudge() if way == WHOLE else None
        self._front_end = FrontEnd(wake_of(words), Duplex(WebRtcCanceller(), DoubleTalk(), judge))
        self._clocks = TwoClocks(drift_ppm)
        self.found: list[tuple[int, str]] = []

    def process(self, frame: NearFrame, far: FarFrame) -> tuple[NearFrame, tuple[Any, ...]]:
        clean, events = self._front_end.process(frame, self._clocks.pull(frame.index, far))
        self.found += [(frame.index, event.word) for event in events if isinstance(event, WakeDetected)]
        return clean, events


def wake_of(words: tuple[str, ...]) -> Wake:
    return Wake(words=tuple(WakeWord(model=word) for word in words))


def in_the_loop(way: str, scene: Scene, number: int, words: tuple[str, ...]) -> list[tuple[int, str]]:
    """As `heard`, by all of the front-end, which ducks and pauses the assistant if speech may interrupt."""
    front_end = InTheLoop(way, scene.plan.drift_ppm, words)
    run(scene, front_end, np.random.default_rng(number))
    return front_end.found


def missed(job: tuple[Path, str, int]) -> Counter[str]:
    """People who say the wake word over the assistant, for some time."""
    cache, name, number = job
    studio = WakeStudio(cache)
    studio._next = 9 * number
    plan = replace(_plan(3_000 + number, 60.0), first_s=5.0, pause_s=(2.0, 3.0), noise_dbfs=-58.0, noise="pink")
    plan = replace(plan, **CONDITIONS[name])
    scene = studio.compose(plan, np.random.default_rng([11, number]), "people")
    mic, far = sounds(scene)
    count: Counter[str] = Counter(words=len(scene.bursts))
    for way in WAYS:
        ours = way in (WAKE_ONLY, WHOLE)
        found = in_the_loop(way, scene, number, ("alexa",)) if ours else heard(way, mic, far, ("alexa",))
        frames = [frame for frame, _ in found]
        count[way] = sum(any(b.onset < f <= b.end + LATE_FRAMES for f in frames) for b in scene.bursts)
    return count


def self_wakes(job: tuple[Path, int]) -> Counter[str]:
    """Minutes of the assistant alone."""
    cache, number = job
    plan = _with_noise(_plan(4_000 + number, 150.0), NOISES[number % 3], number)
    scene = Studio(cache, "test").compose(plan, np.random.default_rng([12, number]))
    mic, far = sounds(scene)
    heard_by_all = in_the_loop(WHOLE, scene, number, ALL_WORDS)
    return Counter(
        {"frames": len(mic), "microphone": len(heard("microphone", mic, far, ALL_WORDS)), WHOLE: len(heard_by_all)}
    )


def says_it_itself(cache: Path) -> None:
    """The assistant says the wake words, ten times each."""
    studio = Studio(cache, "test")
    total: Counter[str] = Counter()
    for number, words in enumerate(("Alexa", "Hey Jarvis")):
        clip = say(words)[0].astype(np.float32) / 32768
        plan = Plan(seconds=40.0, rt60_room=number, delay_ms=60.0, echo_dbfs=-20.0)
        scene = studio.compose(plan, np.random.default_rng(number))
        spoken = np.concatenate([np.concatenate([clip, np.zeros(32_000, np.float32)]) for _ in range(10)])
        far = np.zeros_like(scene.far)
        far[80_000 : 80_000 + spoken.size] = spoken[: far.size - 80_000] * 0.5
        scene.far[80_000:] = far[80_000:]
        scene.played = np.concatenate([np.zeros(960, np.float32), scene.far[:-960]])
        mic, reference = sounds(scene)
        total["microphone"] += len(heard("microphone", mic, reference, ("alexa", "hey_jarvis")))
        total[WHOLE] += len(in_the_loop(WHOLE, scene, number, ("alexa", "hey_jarvis")))
    print(
        f"\nThe assistant itself says a wake word 20 times: {total['microphone']} wakes by the bare microphone, ",
        end="",
    )
    print(f"{total[WHOLE]} by speakerd.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--scenes", type=int, default=20)
    options = parser.parse_args()
    print("| wake words missed, SER | words | " + " | ".join(WAYS) + " |\n|---|---|" + "---|" * len(WAYS))
    with ProcessPoolExecutor(2) as workers:
        for name in CONDITIONS:
            jobs = [(options.cache, name, n) for n in range(options.scenes * (4 if "first" in name else 1))]
            total = sum(workers.map(missed, jobs), Counter())
            cells = [f"{1 - total[way] / total['words']:.0%}" for way in WAYS]
            print(f"| {name} | {total['words']} | " + " | ".join(cells) + " |", flush=True)
        scenes = round(options.hours * 3600 / 150)
        total = sum(workers.map(self_wakes, [(options.cache, n) for n in range(scenes)]), Counter())
    print(f"\n{total['frames'] / 180_000:.1f} h of the assistant alone, listening for {', '.join(ALL_WORDS)}: ", end="")
    print(f"{total['microphone']} wakes by the bare microphone, {total[WHOLE]} by speakerd.")
    says_it_itself(options.cache)


if __name__ == "__main__":
    main()
