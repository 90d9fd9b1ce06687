"""Our wake scores against those of the `openwakeword` package, step by step, on the same model files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speakerd.cli.recording import read_blocks
from speakerd.config.model import WakeWord
from speakerd.mic.wake import STEP_PERIODS, EmbeddingStream, WakeDetector
from speakerd.mic.wake_models import models_folder
from speakerd.pcm import NEAR_PERIOD_FRAMES, Samples

ROOT = Path(__file__).resolve().parents[2]
REFEREE = ROOT / ".venv-referee" / "bin" / "python"
PROGRAM = Path(__file__).parent / "referee_openwakeword.py"
WORDS = ("alexa", "hey_jarvis", "hey_mycroft", "hey_rhasspy", "okay_nabu")

TOLERANCE = 1e-4
"""Largest difference of a score allowed. Measured on x86-64: see docs/wake.md."""

RANDOM_START_STEPS = 16
"""openwakeword starts with the embeddings of random noise: only later scores depend on the sound alone."""

pytestmark = [
    pytest.mark.skipif(
        not (REFEREE.parent.parent / ".finished").exists(), reason="no .venv-referee: run script/referee"
    ),
    pytest.mark.timeout(180),
]


@pytest.fixture(scope="session")
def spoken(say: Callable[..., Samples]) -> dict[str, Samples]:
    """Words of flite in two voices, with nothing before them, a pause between and faint noise over all."""
    noise = np.random.default_rng(7)
    sounds = {}
    for voice in ("slt", "rms"):
        parts = []
        for text in ("Alexa, what time is it?", "Hey Jarvis, turn on the light.", "Hey Rhasspy", "Okay Nabu"):
            parts += [say(text, voice), np.zeros(12_345, np.int16)]
        sound = np.concatenate(parts).astype(np.int32) // 2
        sounds[voice] = (sound + noise.integers(-20, 20, len(sound))).astype(np.int16)
    return sounds


def test_scores_equal_openwakewords_from_the_first_step(spoken: dict[str, Samples], tmp_path: Path) -> None:
    np.save(tmp_path / "start.npy", EmbeddingStream(16).window[0])
    differences = compare(spoken, tmp_path)
    assert max(differences.values()) < TOLERANCE, differences


def test_scores_equal_those_of_an_untouched_openwakeword_once_its_random_start_is_past(
    spoken: dict[str, Samples], tmp_path: Path
) -> None:
    differences = compare(spoken, tmp_path, first=RANDOM_START_STEPS)
    assert max(differences.values()) < TOLERANCE, differences


@pytest.mark.shared
def test_scores_equal_openwakewords_on_real_recordings(shared: Path, tmp_path: Path) -> None:
    files = [
        *sorted((shared / "audio" / "wake").rglob("*.wav")),
        *sorted((shared / "audio" / "near_misses").rglob("*.wav"))[::6],
        *sorted((shared / "audio" / "commands").rglob("*.wav"))[::10],
    ]
    pause = np.zeros(2 * 16_000, np.int16)  # 25 steps, so that every word lies behind the random start
    sounds = {f"{i:03}": np.concatenate([pause, *read_blocks(file)]) for i, file in enumerate(files)}
    differences = compare(sounds, tmp_path, first=RANDOM_START_STEPS)
    assert len(differences) >= 20
    assert max(differences.values()) < TOLERANCE, differences


def compare(sounds: dict[str, Samples], work: Path, first: int = 0) -> dict[str, float]:
    """Largest difference of any word's score in each sound, from step `first` on."""
    for name, sound in sounds.items():
        np.save(work / f"{name}.sound.npy", sound)
    subprocess.run([str(REFEREE), str(PROGRAM), str(models_folder()), str(work), *WORDS], check=True)
    differences = {}
    highest = 0.0
    for name, sound in sounds.items():
        ours, theirs = our_scores(sound), np.load(work / f"{name}.scores.npy")
        assert ours.shape == theirs.shape
        differences[name] = float(np.abs(ours - theirs)[first:].max())
        highest = max(highest, float(theirs[first:].max()))
    assert highest > 0.9, "no word was found: equal scores prove little"
    return differences


def our_scores(sound: Samples) -> np.ndarray:
    detector = WakeDetector([WakeWord(model=word) for word in WORDS])
    rows = []
    for index in range(len(sound) // NEAR_PERIOD_FRAMES):
        detector.feed(sound[index * NEAR_PERIOD_FRAMES : (index + 1) * NEAR_PERIOD_FRAMES], index)
        if index % STEP_PERIODS == STEP_PERIODS - 1:
            rows.append([detector.scores[word] for word in WORDS])
    return np.array(rows)
