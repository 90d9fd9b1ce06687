"""Hits and false accepts of every published word at the shipped thresholds, as the table of docs/wake.md.

    python bench/wake_accuracy.py [--threshold 0.5] [FOLDER]

FOLDER holds the recordings: ../shared/audio beside the checkout, if left out. Another threshold than the
shipped ones can be tried for all words. All sound goes through the daemon's own front-end, by the same
code as `speakerd listen`. About a minute.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from speakerd.cli.listen import listen_to
from speakerd.cli.recording import RecordingError, read_blocks
from speakerd.config.model import Wake, WakeWord
from speakerd.mic.wake_models import known_words
from speakerd.pcm import NEAR_RATE_HZ

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "audio"
NEGATIVES = ("speech", "music", "commands", "noise", "near_misses")
SOUND_SUFFIXES = (".wav", ".flac")


@dataclass
class Folder:
    """What was heard in one folder."""

    files: int = 0
    seconds: float = 0.0
    found_in: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Files in which the word was heard at all."""
    wakes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unreadable: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threshold", type=float, help="for all words, instead of the shipped ones")
    parser.add_argument("folder", nargs="?", type=Path, default=RECORDINGS)
    options = parser.parse_args()
    root, words = options.folder, known_words()
    chosen = {} if options.threshold is None else {"threshold": options.threshold}
    wake = Wake(words=tuple(WakeWord(model=word, **chosen) for word in words))
    if not root.is_dir():
        sys.exit(f"bench/wake_accuracy.py: no recordings in {root}")
    folders = {name: listen_in(root / name, wake) for name in (*NEGATIVES, *(f"wake/{word}" for word in words))}
    print_table(words, folders)


def listen_in(path: Path, wake: Wake) -> Folder:
    result = Folder()
    for file in sorted(p for p in path.rglob("*") if p.suffix in SOUND_SUFFIXES):
        try:
            wakes = [h for h in listen_to(file, wake) if h.word is not None]
            result.seconds += sum(len(block) for block in read_blocks(file)) / NEAR_RATE_HZ
        except RecordingError:
            result.unreadable.append(file.name)
            continue
        result.files += 1
        for one in wakes:
            result.wakes[str(one.word)] += 1
        for word in {str(one.word) for one in wakes}:
            result.found_in[word] += 1
    return result


def print_table(words: tuple[str, ...], folders: dict[str, Folder]) -> None:
    heads = [f"{name} ({folders[name].files} files, {folders[name].seconds / 60:.1f} min)" for name in NEGATIVES]
    print("| word | found | " + " | ".join(heads) + " | per hour, near misses apart |")
    print("|---" * (len(NEGATIVES) + 3) + "|")
    hours = sum(folders[name].seconds for name in NEGATIVES if name != "near_misses") / 3600
    for word in words:
        own = folders[f"wake/{word}"]
        found = f"{own.found_in[word]} of {own.files}" if own.files else "no recordings"
        false = [folders[name].wakes[word] for name in NEGATIVES]
        per_hour = sum(n for n, name in zip(false, NEGATIVES, strict=True) if name != "near_misses") / hours
        print(f"| {word} | {found} | " + " | ".join(map(str, false)) + f" | {per_hour:.1f} |")
    unreadable = [name for folder in folders.values() for name in folder.unreadable]
    print(f"\n{hours:.2f} h without a wake word, near misses apart. Left out because damaged: {len(unreadable)}.")
    print(", ".join(unreadable))


if __name__ == "__main__":
    main()
