from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from speakerd.conversation.events import BargeInDetected
from speakerd.mic.bargein import FLOOR_DBFS, NEEDED_FRAMES, START_COUPLING_DB, BargeInDetector
from speakerd.mic.vad import Vad
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, Samples, level_dbfs

FAR_HOLD_FRAMES = 15  # 300 ms

STORY = (
    "Once upon a time, in a small house by the sea, there lived an old clockmaker who could not sleep. "
    "Every night she walked along the shore and counted the waves, and every morning she wrote the number down. "
)
COMMAND = "Stop. Please stop talking and turn on the kitchen light."


def scaled(sound: Samples, to_dbfs: float) -> np.ndarray:
    """`sound` as float64, its RMS moved to `to_dbfs`."""
    return sound * 10 ** ((to_dbfs - level_dbfs(sound)) / 20)


def echo_of(far: np.ndarray, gain_db: float, delay_ms: int) -> np.ndarray:
    delay = delay_ms * NEAR_RATE_HZ // 1000
    return np.concatenate([np.zeros(delay), far[: len(far) - delay]]) * 10 ** (gain_db / 20)


def frames(sound: np.ndarray) -> Iterator[Samples]:
    samples = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    yield from samples[: len(samples) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES].reshape(-1, NEAR_PERIOD_FRAMES)


def detections(detector: BargeInDetector, near: np.ndarray, far: np.ndarray) -> list[tuple[int, BargeInDetected]]:
    """(frame of the decision, what was decided) for both sounds running side by side."""
    vad = Vad()
    levels: list[float] = []
    found = []
    for index, (near_frame, far_frame) in enumerate(zip(frames(near), frames(far), strict=True)):
        levels.append(level_dbfs(far_frame))
        heard = detector.feed(index, level_dbfs(near_frame), vad.is_speech(near_frame), max(levels[-FAR_HOLD_FRAMES:]))
        if heard is not None:
            found.append((index, heard))
    return found


@pytest.fixture(scope="session")
def far(say: Callable[..., Samples]) -> np.ndarray:
    return scaled(np.tile(say(STORY), 3), -20)


@pytest.mark.parametrize("gain_db", [-30, -20, -10, 0])
@pytest.mark.parametrize("delay_ms", [40, 70, 100])
def test_an_echo_alone_never_fires(far: np.ndarray, gain_db: float, delay_ms: int) -> None:
    noise = np.random.default_rng(2).normal(0, 10, len(far))
    assert detections(BargeInDetector(), echo_of(far, gain_db, delay_ms) + noise, far) == []


@pytest.mark.parametrize("gain_db", [-30, -20])
@pytest.mark.parametrize("voice", ["rms", "awb"])
def test_the_user_as_loud_as_the_far_end_fires_soon(
    far: np.ndarray, say: Callable[..., Samples], gain_db: float, voice: str
) -> None:
    onset = 4 * 50
    command = scaled(say(COMMAND, voice), -20)
    near = echo_of(far, gain_db, 60)
    near[onset * NEAR_PERIOD_FRAMES :][: len(command)] += command
    decided, heard = detections(BargeInDetector(), near, far)[0]
    assert onset - 1 <= heard.onset_index <= onset + 15
    assert decided - onset <= 30  # flite begins with silence, and "st" is quiet
    assert decided - heard.onset_index <= 13
    assert heard.level_dbfs == pytest.approx(-20, abs=12)


def test_the_echo_is_learnt_and_kept_over_a_reset(far: np.ndarray) -> None:
    detector = BargeInDetector()
    assert detector.coupling_db == START_COUPLING_DB
    detections(detector, echo_of(far, -20, 60), far)
    learnt = detector.coupling_db
    assert -28 < learnt < -16
    detector.reset()
    assert detector.coupling_db == learnt


def test_a_turned_up_microphone_gives_few_false_alarms(far: np.ndarray) -> None:
    detector = BargeInDetector()
    detections(detector, echo_of(far, -25, 60), far)
    assert len(detections(detector, echo_of(far, -5, 60), far)) <= 5
    assert detections(detector, echo_of(far, -5, 60), far) == []


def test_an_unknown_far_end_leaves_voice_and_floor() -> None:
    detector = BargeInDetector()
    for index in range(NEEDED_FRAMES - 1):
        assert detector.feed(index, FLOOR_DBFS + 1, True, None) is None
    assert detector.feed(NEEDED_FRAMES - 1, FLOOR_DBFS + 1, True, None) == BargeInDetected(0, FLOOR_DBFS + 1)


@pytest.mark.parametrize(("near_dbfs", "voiced"), [(FLOOR_DBFS, True), (-10.0, False)])
def test_neither_quiet_voices_nor_loud_noise_count(near_dbfs: float, voiced: bool) -> None:
    detector = BargeInDetector()
    assert all(detector.feed(i, near_dbfs, voiced, None) is None for i in range(100))


@pytest.mark.parametrize("far_dbfs", [-120.0, -70.0])
def test_the_floor_holds_while_the_far_end_pauses(far_dbfs: float) -> None:
    detector = BargeInDetector()
    assert all(detector.feed(i, FLOOR_DBFS - 1, True, far_dbfs) is None for i in range(100))


def test_a_reset_forgets_the_frames() -> None:
    detector = BargeInDetector()
    for index in range(NEEDED_FRAMES - 1):
        detector.feed(index, -10, True, None)
    detector.reset()
    assert detector.feed(NEEDED_FRAMES - 1, -10, True, None) is None
