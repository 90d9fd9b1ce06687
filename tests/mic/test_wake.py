from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from speakerd.config.model import WakeWord
from speakerd.errors import ConfigError
from speakerd.mic import wake
from speakerd.mic.wake import Detection, WakeDetector
from speakerd.mic.wake_models import find_model
from speakerd.pcm import NEAR_PERIOD_FRAMES, Samples


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * 16_000), np.int16)


def detections(detector: WakeDetector, *sound: Samples, first_index: int = 0) -> list[tuple[float, Detection]]:
    """(seconds, what was found) in the sounds one after another."""
    samples = np.concatenate(sound)
    whole = samples[: len(samples) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES].reshape(-1, NEAR_PERIOD_FRAMES)
    return [(i * 0.02, found) for i, frame in enumerate(whole) for found in detector.feed(frame, i + first_index)]


@pytest.mark.parametrize("voice", ["slt", "rms", "awb"])
@pytest.mark.parametrize(("text", "word"), [("Alexa", "alexa"), ("Hey Jarvis", "hey_jarvis")])
def test_a_spoken_word_is_found_once_and_only_by_its_model(
    say: Callable[..., Samples], text: str, word: str, voice: str
) -> None:
    detector = WakeDetector([WakeWord(model=w) for w in ("alexa", "hey_jarvis", "hey_mycroft", "okay_nabu")])
    said = say(text, voice)
    [(when_s, found)] = detections(detector, silence(1.5), said, silence(1.5))
    assert found.word == word
    assert found.score >= 0.5
    assert 1.6 < when_s < 1.5 + len(said) / 16_000 + 0.5


def test_words_in_a_sentence_are_found_where_they_are(say: Callable[..., Samples]) -> None:
    detector = WakeDetector([WakeWord(model="hey_jarvis")])
    [(when_s, _)] = detections(detector, silence(3), say("Hey Jarvis, what is the time in Berlin please?"), silence(1))
    assert 3.3 < when_s < 4.3


def test_other_speech_silence_and_noise_are_not_wake_words(say: Callable[..., Samples]) -> None:
    detector = WakeDetector([WakeWord(model="alexa"), WakeWord(model="hey_jarvis")])
    noise = np.random.default_rng(3).integers(-3000, 3000, 5 * 16_000).astype(np.int16)
    speech = say("What is the weather in Berlin today? Please turn on the office lights and tell me a story.")
    assert detections(detector, silence(3), noise, speech, silence(1)) == []


def test_the_refractory_time_counts_frames(say: Callable[..., Samples]) -> None:
    said = say("Alexa")

    def times(refractory_ms: int, pause_s: float) -> list[float]:
        detector = WakeDetector([WakeWord(model="alexa", refractory_ms=refractory_ms)])
        found = detections(detector, silence(2), said, silence(pause_s), said, silence(1.5), first_index=5_000)
        return [round(when_s, 2) for when_s, _ in found]

    assert len(times(2_000, 0.7)) == 1
    assert len(times(2_000, 2.0)) == 2
    assert len(times(0, 0.7)) == 2  # not once for each step above the threshold


def test_the_threshold_decides(say: Callable[..., Samples]) -> None:
    sound = np.concatenate([silence(1.5), say("Alexa"), silence(1)])
    detector = WakeDetector([WakeWord(model="alexa")])
    peak = 0.0
    for index in range(len(sound) // NEAR_PERIOD_FRAMES):
        detector.feed(sound[index * NEAR_PERIOD_FRAMES : (index + 1) * NEAR_PERIOD_FRAMES], index)
        peak = max(peak, detector.scores["alexa"])
    for threshold, times in ((peak, 1), ((1 + peak) / 2, 0)):
        assert len(detections(WakeDetector([WakeWord(model="alexa", threshold=threshold)]), sound)) == times


def test_the_first_steps_score_nothing_and_frames_are_counted_by_fours() -> None:
    detector = WakeDetector([WakeWord(model="alexa", threshold=1e-12)])
    counts = []
    found = []
    for index in range(24):
        found.append(bool(detector.feed(silence(0.02), index)))
        counts.append(detector.frames_scored)
    assert counts == [index // 4 * 4 for index in range(1, 25)]
    assert found == [False] * 23 + [True]


def test_two_detectors_give_the_same_scores(say: Callable[..., Samples]) -> None:
    words = [WakeWord(model="alexa", threshold=0.001, refractory_ms=0)]
    sound = (say("Alexa"), silence(0.5))
    assert detections(WakeDetector(words), *sound) == detections(WakeDetector(words), *sound) != []


def test_a_users_own_file_is_heard_under_its_own_name(say: Callable[..., Samples], tmp_path: Path) -> None:
    path = tmp_path / "computer.tflite"
    shutil.copy(find_model("alexa").path, path)
    detector = WakeDetector([WakeWord(model=str(path)), WakeWord(model="alexa")])
    found = [f for _, f in detections(detector, silence(1.5), say("Alexa"), silence(1))]
    assert [f.word for f in found] == ["computer", "alexa"]
    assert found[0].score == found[1].score


def test_the_same_word_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "alexa.tflite"
    shutil.copy(find_model("alexa").path, path)
    for other in ("alexa", str(path)):
        with pytest.raises(ConfigError, match="alexa is there twice"):
            WakeDetector([WakeWord(model="alexa"), WakeWord(model=other)])


@pytest.mark.parametrize(
    ("name", "reason"),
    [("embedding_model", "takes 1×76×32×1, an openWakeWord model takes 1×N×96"), ("melspectrogram", "word.tflite")],
)
def test_a_network_that_is_no_word_model_is_refused(name: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "word.tflite"
    shutil.copy(find_model("alexa").path.with_name(f"{name}.tflite"), path)
    with pytest.raises(ConfigError, match=reason):
        WakeDetector([WakeWord(model=str(path))])


@dataclass
class FakeNetwork:
    """A word model of any shape; remembers what it was shown."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...] = (1, 1)
    seen: np.ndarray | None = None

    def run(self, values: np.ndarray) -> np.ndarray:
        self.seen = values.copy()
        return np.zeros((1, 1), np.float32)


def test_in_doubt_no_score_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.8, 0.8, 0.8, 0.99])
    monkeypatch.setattr(wake, "load_network", lambda path: FakeNetwork((1, 16, 96)))
    detector = WakeDetector([WakeWord(model="alexa", refractory_ms=0)])
    monkeypatch.setattr(detector._words[0], "score", lambda window: next(scores))
    silence = np.zeros(320, np.int16)
    index = iter(range(1_000))

    def step(*, doubt: bool) -> list[float]:
        return [found.score for _ in range(4) for found in detector.feed(silence, next(index), doubt=doubt)]

    for _ in range(5):  # which are never scored
        assert step(doubt=False) == []
    assert step(doubt=True) == []
    assert step(doubt=False) == [0.8], "what was doubted counts as soon as somebody is heard"
    assert step(doubt=True) == []
    assert step(doubt=True) == []


@pytest.mark.parametrize("shape", [(1, 16), (2, 16, 96), (1, 16, 64), (1, 0, 96), (1, 121, 96), (1, -1, 96)])
def test_wrong_input_shapes_are_refused(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]) -> None:
    monkeypatch.setattr(wake, "load_network", lambda path: FakeNetwork(shape))
    with pytest.raises(ConfigError, match="1×N×96"):
        WakeDetector([WakeWord(model="alexa")])


@pytest.mark.parametrize("shape", [(1, 5), (5,), (1, 16, 1)])
def test_models_of_several_scores_are_refused(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]) -> None:
    monkeypatch.setattr(wake, "load_network", lambda path: FakeNetwork((1, 16, 96), shape))
    with pytest.raises(ConfigError, match="one is wanted"):
        WakeDetector([WakeWord(model="alexa")])


def test_each_word_sees_the_latest_embeddings_as_many_as_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = iter([short := FakeNetwork((1, 4, 96)), long := FakeNetwork((-1, 34, 96), (-1, 1))])
    monkeypatch.setattr(wake, "load_network", lambda path: next(networks))
    detector = WakeDetector([WakeWord(model="alexa"), WakeWord(model="hey_jarvis")])
    detections(detector, silence(1))
    assert short.seen is not None
    assert long.seen is not None
    assert long.seen.shape == (1, 34, 96)
    np.testing.assert_array_equal(short.seen, long.seen[:, -4:])


@pytest.mark.parametrize(
    "result", [np.full((1, 1), np.nan, np.float32), np.zeros((1, 2), np.float32), RuntimeError("boom\nat")]
)
def test_a_model_that_breaks_when_run_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, result: np.ndarray | RuntimeError
) -> None:
    class Broken(FakeNetwork):
        def run(self, values: np.ndarray) -> np.ndarray:
            if isinstance(result, RuntimeError):
                raise result
            return result

    monkeypatch.setattr(wake, "load_network", lambda path: Broken((1, 16, 96)))
    with pytest.raises(ConfigError, match=r"alexa\.tflite: (gives|cannot be run: boom$)"):
        WakeDetector([WakeWord(model="alexa")])


@pytest.mark.parametrize("embeddings", [16, 28])
def test_an_onnx_model_is_scored(onnx_word_model: Callable[..., bytes], tmp_path: Path, embeddings: int) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is optional and not installed")
    path = tmp_path / "word.onnx"
    path.write_bytes(onnx_word_model(embeddings))
    detector = WakeDetector([WakeWord(model=str(path))])
    detections(detector, silence(5))
    stream = wake.EmbeddingStream(embeddings)
    for chunk in silence(4.96).reshape(-1, 1280):
        stream.push(chunk)
    mean = float(stream.window.mean())
    assert detector.scores["word"] == pytest.approx(1 / (1 + np.exp(-mean)), abs=1e-4)


def test_an_onnx_model_of_another_width_is_refused(onnx_word_model: Callable[..., bytes], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is optional and not installed")
    path = tmp_path / "word.onnx"
    path.write_bytes(onnx_word_model(16, width=64))
    with pytest.raises(ConfigError, match="takes 1×16×64"):
        WakeDetector([WakeWord(model=str(path))])


@pytest.mark.parametrize("rest_s", [0.1, 0.5, 1.3, 4.0])
def test_a_rest_changes_no_score(say: Callable[..., Samples], rest_s: float) -> None:
    noise = np.random.default_rng(5).integers(-300, 300, 32_000 + int(rest_s * 16_000)).astype(np.int16)
    sound = np.concatenate([say("What time is it?"), noise, say("Hey Jarvis"), silence(0.6)])
    sound = sound[: len(sound) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES]
    from_index = len(say("What time is it?")) // NEAR_PERIOD_FRAMES + 50
    until_index = from_index + int(rest_s * 50)
    awake, resting = (WakeDetector([WakeWord(model="hey_jarvis")]) for _ in range(2))
    best = 0.0
    for index, frame in enumerate(sound.reshape(-1, NEAR_PERIOD_FRAMES)):
        awake.feed(frame, index)
        resting.feed(frame, index, rest=from_index <= index < until_index)
        if index >= until_index + 4:
            assert resting.scores == pytest.approx(awake.scores, abs=1e-5)
            best = max(best, resting.scores["hey_jarvis"])
    assert best > 0.5


def test_at_rest_the_networks_do_not_run() -> None:
    detector = WakeDetector([WakeWord(model="hey_jarvis")])
    detector._stream.push = None  # type: ignore[assignment, method-assign]
    for index in range(400):
        assert detector.feed(silence(0.02), index, rest=True) == []
    assert detector.frames_scored == 400
