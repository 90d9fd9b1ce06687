"""The learned scorer: its arithmetic, its view of the sound, and that the packaged weights know a voice."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerd.dsp.aec import WebRtcCanceller
from speakerd.dsp.echoview import EchoView
from speakerd.mic.doubletalk import BANDS, FEATURES, SCORE_LIMIT, DoubleTalk, Features, Network, packaged_weights
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ

SILENCE = np.zeros(NEAR_PERIOD_FRAMES, np.int16)
INPUT, WIDTH = 5, 7


def tone(hz: float, amplitude: float = 32767.0) -> np.ndarray:
    """(10, 320) int16."""
    t = np.arange(10 * NEAR_PERIOD_FRAMES) / NEAR_RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.int16).reshape(10, NEAR_PERIOD_FRAMES)


def random_weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    shapes = {
        "in_w": (FEATURES, INPUT),
        "in_b": (INPUT,),
        "gru_w": (INPUT, 3 * WIDTH),
        "gru_u": (WIDTH, 3 * WIDTH),
        "gru_b": (3 * WIDTH,),
        "gru_c": (WIDTH,),
        "out_w": (WIDTH,),
        "out_b": (1,),
    }
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_the_network_is_a_gated_recurrent_unit():
    w, rng = random_weights(), np.random.default_rng(4)
    network, state = Network(w), np.zeros(WIDTH)
    for _ in range(5):
        x = rng.normal(size=FEATURES).astype(np.float32)
        hidden = np.maximum(x @ w["in_w"] + w["in_b"], 0)
        wz, wr, wn = np.split(w["gru_w"], 3, axis=1)
        uz, ur, un = np.split(w["gru_u"], 3, axis=1)
        bz, br, bn = np.split(w["gru_b"], 3)
        update = sigmoid(hidden @ wz + state @ uz + bz)
        reset = sigmoid(hidden @ wr + state @ ur + br)
        candidate = np.tanh(hidden @ wn + bn + reset * (state @ un + w["gru_c"]))
        state = (1 - update) * candidate + update * state
        assert network.step(x) == pytest.approx(float(state @ w["out_w"] + w["out_b"][0]), abs=1e-4)


def test_a_reset_network_is_as_new():
    network, x = Network(random_weights()), np.ones(FEATURES, np.float32)
    first = network.step(x)
    assert network.step(x) != first
    network.reset()
    assert network.step(x) == first


def test_missing_weights_are_named():
    weights = random_weights()
    del weights["gru_u"]
    with pytest.raises(KeyError, match="gru_u"):
        Network(weights)


@pytest.mark.parametrize(("hz", "lowest", "highest"), [(200.0, 0, 3), (1000.0, 6, 10), (6000.0, 16, 19)])
def test_a_tone_is_in_its_band_near_0_db(hz, lowest, highest):
    view, features = EchoView(), Features()
    for frame in tone(hz):
        seen = features.take(view.process(frame, SILENCE, SILENCE))
    bands = seen[:BANDS]
    assert lowest <= int(np.argmax(bands)) <= highest
    assert bands.max() * 20 - 50 == pytest.approx(0, abs=4)
    assert seen[BANDS : 2 * BANDS].max() * 20 - 50 == pytest.approx(-90, abs=0.1)  # the silent output


def test_the_far_end_is_remembered_for_320_ms():
    view, features = EchoView(), Features()
    for frame in tone(1000.0):
        features.take(view.process(SILENCE, SILENCE, frame))
    loudest = [
        features.take(view.process(SILENCE, SILENCE, SILENCE))[3 * BANDS : 4 * BANDS].max() * 20 - 50 for _ in range(20)
    ]
    assert loudest[14] > -10
    assert loudest[18] == pytest.approx(-90, abs=0.1)


def test_the_packaged_weights_are_small_and_fit():
    assert len(files("speakerd.mic").joinpath("doubletalk.npz").read_bytes()) < 500_000
    Network(packaged_weights()).step(np.zeros(FEATURES, np.float32))


def test_scores_stay_within_the_limit():
    weights = random_weights()
    weights["out_b"][:] = 100.0
    detector, view = DoubleTalk(Network(weights)), EchoView()
    frame = tone(500.0)[0]
    assert detector.score(frame, frame, frame, view.process(frame, frame, frame)) == SCORE_LIMIT


def test_while_nothing_plays_the_score_is_the_lowest_and_the_network_rests():
    class Counting(Network):
        steps = 0

        def step(self, features):
            self.steps += 1
            return super().step(features)

    network = Counting(random_weights())
    detector, view = DoubleTalk(network), EchoView()
    frame = tone(500.0)[0]
    spectra = view.process(frame, frame, frame)
    detector.score(frame, frame, frame, spectra)
    scores = [detector.score(frame, frame, SILENCE, spectra) for _ in range(200)]
    assert scores[-1] == -SCORE_LIMIT
    assert network.steps < 60


@pytest.fixture(scope="module")
def overheard(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """Scores of 16 s of the assistant alone, and of the same with three commands over it at the echo's level."""
    far = _read(shared / "audio/speech/asterisk_en_allison.flac", 16)
    rng = np.random.default_rng(0)
    ring = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 600) * 0.1
    ring[:1] = 1.0
    echo = np.convolve(0.5 * far, np.concatenate([np.zeros(960), ring]))[: len(far)]
    echo += rng.normal(0, 3e-4, len(echo))
    user = np.zeros_like(far)
    commands = sorted((shared / "audio/commands").glob("office_lights_*"))[:3]
    for start_s, path in zip((5, 9, 13), commands, strict=True):
        said = _read(path, 2)
        said = said[np.flatnonzero(np.abs(said) > 0.1 * np.abs(said).max())[0] :]
        level = np.sqrt(np.mean(echo**2) / np.mean(said**2))
        user[start_s * NEAR_RATE_HZ : start_s * NEAR_RATE_HZ + len(said)] = level * said
    return _scores(echo, far), _scores(echo + user, far)


def _read(path: Path, seconds: float) -> np.ndarray:
    x, rate = soundfile.read(path, frames=int(seconds * NEAR_RATE_HZ))
    assert rate == NEAR_RATE_HZ
    return x


def _scores(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    canceller, view, detector = WebRtcCanceller(), EchoView(), DoubleTalk()
    frames = [
        np.clip(x * 32767, -32768, 32767).astype(np.int16)[: len(x) // 320 * 320].reshape(-1, 320) for x in (near, far)
    ]
    scores = []
    for n, f in zip(*frames, strict=True):
        out = canceller.process(n, f)
        scores.append(detector.score(n, out, f, view.process(n, out, f)))
    return np.array(scores)


def test_its_own_echo_is_no_voice(overheard):
    alone, _ = overheard
    assert np.quantile(alone[150:], 0.99) < 0.0


def test_a_voice_over_it_is_one(overheard):
    _, talked = overheard
    for start_s in (5, 9, 13):
        assert talked[start_s * 50 : start_s * 50 + 75].max() > 2.0
