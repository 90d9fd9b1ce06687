from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from speakerd.errors import ConfigError
from speakerd.mic.wake_engine import TfliteNetwork, load_network
from speakerd.mic.wake_models import feature_models, find_model

ALEXA = find_model("alexa").path


def damaged(kind: str) -> bytes:
    whole = ALEXA.read_bytes()
    chance = random.Random(5)
    return {
        "empty": b"",
        "text": b"not a model at all\n" * 40,
        "noise": chance.randbytes(5_000),
        "cut short": whole[: len(whole) // 3],
        "head only": whole[:20],
        "bits flipped": bytes(b ^ (chance.random() < 0.02) * 0x55 for b in whole[:50_000]) + whole[50_000:],
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "text", "noise", "cut short", "head only", "bits flipped"])
def test_a_damaged_tflite_file_is_one_clear_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "word.tflite"
    path.write_bytes(damaged(kind))
    with pytest.raises(ConfigError, match=r"word\.tflite: not a usable \.tflite file: .") as error:
        load_network(path)
    assert "\n" not in str(error.value)


def test_shapes_are_told_and_inputs_can_be_resized() -> None:
    word = load_network(ALEXA)
    assert (word.input_shape, word.output_shape) == ((1, 16, 96), (1, 1))
    mel = TfliteNetwork(feature_models()[0], (1, 1760))
    assert mel.input_shape == (1, 1760)
    assert mel.run(np.zeros((1, 1760), np.float32)).shape == (1, 1, 8, 32)


def test_a_result_is_not_overwritten_by_the_next_run() -> None:
    word = load_network(ALEXA)
    first = word.run(np.zeros((1, 16, 96), np.float32))
    kept = first.copy()
    word.run(np.ones((1, 16, 96), np.float32))
    np.testing.assert_array_equal(first, kept)


def test_onnx_without_onnxruntime_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    path = tmp_path / "word.onnx"
    path.touch()
    with pytest.raises(ConfigError, match="pip install onnxruntime"):
        load_network(path)


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(1000)])
def test_a_damaged_onnx_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is optional and not installed")
    path = tmp_path / "word.onnx"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"word\.onnx: not a usable \.onnx file: ."):
        load_network(path)


def test_loading_says_nothing_of_its_own():
    loads = "from speakerd.mic.wake_engine import TfliteNetwork; from speakerd.mic.wake_models import feature_models; "
    code = f"import sys; {loads} TfliteNetwork(feature_models()[1]); sys.stderr.write('still there')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("", "still there")
