"""Does letting the wake models rest in a quiet room cost a wake word? And how often do they rest?

    python bench/quiet.py

Wake words of real people (../shared/audio) at three levels in three steady noises, each heard by the
detector without and with rest. About three minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from speakerd.cli.recording import RecordingError, read_blocks
from speakerd.config.model import WakeWord
from speakerd.mic.quiet import QuietRoom
from speakerd.mic.vad import Vad
from speakerd.mic.wake import WakeDetector
from speakerd.pcm import NEAR_PERIOD_FRAMES, level_dbfs

AUDIO = Path(__file__).resolve().parents[2] / "shared" / "audio" / "wake"
WORDS = ("alexa", "hey_mycroft", "hey_jarvis", "okay_nabu")


def clips() -> list[tuple[str, np.ndarray]]:
    found = []
    for word in WORDS:
        for path in sorted((AUDIO / word).glob("*"))[::2]:
            try:
                found.append((word, np.concatenate(list(read_blocks(path)))))
            except RecordingError as error:
                print(error, file=sys.stderr)
    return found


def hears(word: str, sound: np.ndarray, *, may_rest: bool) -> tuple[bool, float]:
    """Whether the word was found, and the share of time at rest."""
    detector = WakeDetector((WakeWord(model=word),))
    room, strict, lenient = QuietRoom(), Vad(), Vad(0)
    found = rested = 0
    frames = sound[: sound.size // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES].reshape(-1, NEAR_PERIOD_FRAMES)
    for index, frame in enumerate(frames):
        quiet = room.feed(level_dbfs(frame), strict.is_speech(frame) or lenient.is_speech(frame))
        rested += quiet
        found += len(detector.feed(frame, index, rest=quiet and may_rest))
    return found > 0, rested / len(frames)


def main() -> None:
    if not AUDIO.is_dir():
        sys.exit("bench/quiet.py needs the recordings in ../shared")
    rng, words = np.random.default_rng(0), clips()
    print("| level, dB | noise, dBFS | clips | found | found with rest | lost | of the time at rest |")
    print("|---|---|---|---|---|---|---|")
    for gain_db in (0, -20, -30):
        for noise_dbfs in (-80, -60, -40):
            without, with_rest, lost, rests = 0, 0, 0, []
            for word, clip in words:
                quiet = np.concatenate([np.zeros(80_000), clip * 10 ** (gain_db / 20), np.zeros(16_000)])
                sound = np.clip(quiet + rng.normal(0, 32768 * 10 ** (noise_dbfs / 20), quiet.size), -32768, 32767)
                heard, _ = hears(word, np.rint(sound).astype(np.int16), may_rest=False)
                heard_with, rest = hears(word, np.rint(sound).astype(np.int16), may_rest=True)
                without, with_rest = without + heard, with_rest + heard_with
                lost += heard and not heard_with
                rests.append(rest)
            share = 100 * float(np.mean(rests))
            print(f"| {gain_db} | {noise_dbfs} | {len(words)} | {without} | {with_rest} | {lost} | {share:.0f} % |")


if __name__ == "__main__":
    main()
