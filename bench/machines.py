"""Does this machine compute what another one does? The same sound through all that reckons with sound.

    python bench/machines.py run OUT.npz [FOLDER]      on each of two machines
    python bench/machines.py compare ONE.npz OTHER.npz

FOLDER holds the recordings: ../shared/audio beside the checkout, if left out. Scores of the wake models, voice
activity, resamplers, both echo cancellers, the detector of interruptions; with their cost on this machine.
`bench/arm64.sh` runs it under emulation. Exit status 1 if a score differs by more than 0.0001 or a decision at all.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerd.cli.recording import read_blocks
from speakerd.config.model import WakeWord
from speakerd.dsp.aec import WebRtcCanceller
from speakerd.dsp.echoview import EchoView
from speakerd.dsp.linear_echo import LinearEcho
from speakerd.dsp.resample import QuickResampler, Resampler
from speakerd.mic.doubletalk import DoubleTalk
from speakerd.mic.vad import Vad
from speakerd.mic.wake import WakeDetector
from speakerd.mic.wake_models import known_words
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, Samples

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "audio"
WORD_S = 3
TALK_S = 20
ECHO_DELAY = NEAR_RATE_HZ * 80 // 1000
ECHO_GAIN = 0.3
NUDGE_EVERY = 1_000
AUDIBLE_DB = -60
SCORE_TOLERANCE = 1e-4
RATES_HZ = ((16_000, 24_000), (24_000, 48_000), (48_000, 16_000), (44_100, 16_000))

Figures = dict[str, NDArray[np.generic]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run")
    run.add_argument("out", type=Path)
    run.add_argument("folder", nargs="?", type=Path, default=RECORDINGS)
    compare = verbs.add_parser("compare")
    compare.add_argument("files", nargs=2, type=Path)
    options = parser.parse_args()
    if options.verb == "compare":
        sys.exit(print_comparison(*(dict(np.load(file)) for file in options.files)))
    if not options.folder.is_dir():
        sys.exit(f"bench/machines.py: no recordings in {options.folder}")
    with options.out.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **measure(options.folder))


def measure(folder: Path) -> Figures:
    """By name, what came out; the same sound each time."""
    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    folders = [path for word in known_words() if (path := folder / "wake" / word).is_dir()]
    files = [sorted(path.iterdir())[0] for path in (*folders, folder / "music")]
    heard = np.concatenate([whole(file)[: WORD_S * NEAR_RATE_HZ] for file in files])
    far, near = scene(folder)
    timed: dict[str, tuple[Samples, Callable[[], NDArray[np.generic]]]] = {
        "score: wake words": (heard, lambda: wake_scores(heard)),
        "decision: voice activity": (heard, lambda: np.array(list(voices(heard)))),
        **{f"sound: {a} to {b} Hz": (heard, partial(resampled, Resampler(a, b), heard)) for a, b in RATES_HZ},
        "sound: 48000 to 16000 Hz, quick": (heard, lambda: resampled(QuickResampler(48_000, 16_000), heard)),
        "sound: echo canceller": (near, lambda: cancelled(near, far)),
        "float: linear echo canceller": (near, lambda: explained(near, far)),
        "logit: interruptions": (near, lambda: suspicions(near, far)),
    }
    figures: Figures = {name: clocked(name, sound, work) for name, (sound, work) in timed.items()}
    nudged = near + (np.arange(near.size) % NUDGE_EVERY == 0).astype(np.int16)
    print(f"A microphone one step off in each {NUDGE_EVERY}th sample, on this machine:")
    print_apart("sound: echo canceller", figures["sound: echo canceller"], cancelled(nudged, far))
    print_apart("logit: interruptions", figures["logit: interruptions"], suspicions(nudged, far))
    return figures


def clocked(name: str, sound: Samples, work: Callable[[], NDArray[np.generic]]) -> NDArray[np.generic]:
    began_s = time.process_time()
    result = work()
    cost_ms = 1000 * (time.process_time() - began_s) / (len(sound) / NEAR_RATE_HZ)
    print(f"{name:34s} {cost_ms:8.1f} ms of a processor for a second of sound")
    return result


def whole(file: Path) -> Samples:
    return np.concatenate(list(read_blocks(file)))


def frames(sound: Samples) -> Iterator[Samples]:
    yield from sound[: len(sound) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES].reshape(-1, NEAR_PERIOD_FRAMES)


def scene(folder: Path) -> tuple[Samples, Samples]:
    """(loudspeaker, microphone): a voice and its echo, and from half of the time on commands spoken over it."""
    length = TALK_S * NEAR_RATE_HZ
    far = np.concatenate([whole(file) for file in sorted((folder / "speech").iterdir())[:5]])
    user = np.concatenate([whole(file) for file in sorted((folder / "commands").iterdir())[:6]])
    far, user = np.resize(far, length), np.resize(user, length)
    near = user / 3
    near[: length // 2] = 0
    near[ECHO_DELAY:] += ECHO_GAIN * far[:-ECHO_DELAY]
    return far, np.clip(np.rint(near), -32768, 32767).astype(np.int16)


def wake_scores(sound: Samples) -> NDArray[np.float32]:
    """Of each word in each step."""
    scores = []
    detector = WakeDetector([WakeWord(model=word) for word in known_words()])
    for index, frame in enumerate(frames(sound)):
        detector.feed(frame, index)
        if index % 4 == 3:
            scores.append(list(detector.scores.values()))
    return np.array(scores, np.float32)


def voices(sound: Samples) -> Iterator[bool]:
    vad = Vad()
    yield from map(vad.is_speech, frames(sound))


def resampled(resampler: Resampler | QuickResampler, sound: Samples) -> Samples:
    return np.concatenate([resampler.push(frame) for frame in frames(sound)])


def cancelled(near: Samples, far: Samples) -> Samples:
    canceller = WebRtcCanceller()
    return np.concatenate([canceller.process(*pair) for pair in zip(frames(near), frames(far), strict=True)])


def explained(near: Samples, far: Samples) -> NDArray[np.float32]:
    echo = LinearEcho()
    return np.concatenate([echo.process(*pair)[1] for pair in zip(frames(near), frames(far), strict=True)])


def suspicions(near: Samples, far: Samples) -> NDArray[np.float32]:
    canceller, view, detector = WebRtcCanceller(), EchoView(), DoubleTalk()
    scores = []
    for mic, speaker in zip(frames(near), frames(far), strict=True):
        out = canceller.process(mic, speaker)
        scores.append(detector.score(mic, out, speaker, view.process(mic, out, speaker)))
    return np.array(scores, np.float32)


def print_comparison(one: Figures, other: Figures) -> int:
    """1 if they differ where they must not."""
    status = int(one.keys() != other.keys())
    for name in sorted(one.keys() & other.keys()):
        apart = print_apart(name, one[name], other[name])
        kind = name.split(":")[0]
        if apart > {"decision": 0, "score": SCORE_TOLERANCE}.get(kind, math.inf):
            status = 1
    return status


def print_apart(name: str, one: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    """The largest difference; for sound the level's, too, second by second where it is above -60 dBFS."""
    if one.shape != other.shape:
        print(f"{name:34s} shapes {one.shape} and {other.shape}")
        return math.inf
    a, b = one.astype(np.float64), other.astype(np.float64)
    apart = np.abs(a - b)
    told = f"{a.size:7d} values up to {np.abs(a).max():.5g}; apart: {np.mean(apart > 0):6.2%}, most {apart.max():.3g}"
    if name.startswith("sound"):
        levels = [np.array([level(part) for part in seconds(sound)]) for sound in (a, b)]
        audible = levels[0] > AUDIBLE_DB
        told += f", level {np.abs(levels[0] - levels[1])[audible].max():.2f} dB"
    print(f"{name:34s} {told}")
    return float(apart.max())


def seconds(sound: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(sound), NEAR_RATE_HZ):
        yield sound[start : start + NEAR_RATE_HZ]


def level(sound: NDArray[np.float64]) -> float:
    """In dBFS."""
    return float(10 * np.log10(np.mean((sound / 32768) ** 2) + 1e-12))


if __name__ == "__main__":
    main()
