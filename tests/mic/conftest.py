"""Fixtures for tests of the microphone side."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from speakerd.cli.recording import read_blocks
from speakerd.pcm import Samples


@pytest.fixture(scope="session")
def say(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Samples]:
    """A function of a text and a voice of flite (`slt` if left out) that gives int16 mono 16 kHz."""
    flite = shutil.which("flite")
    if flite is None:
        pytest.skip("needs the program flite, which script/setup installs")
    folder = tmp_path_factory.mktemp("flite")

    @cache
    def speak(text: str, voice: str = "slt") -> Samples:
        path: Path = folder / "said.wav"
        subprocess.run([flite, "-voice", voice, "-t", text, "-o", str(path)], check=True)
        return np.concatenate(list(read_blocks(path)))

    return speak


@pytest.fixture(scope="session")
def onnx_word_model() -> Callable[..., bytes]:
    """A function that gives the bytes of a tiny .onnx word model, made without any ONNX package."""
    return _word_model


_FLOAT, _INT, _INTS = 1, 2, 7


def _word_model(embeddings: int, *, width: int = 96, scores: int = 1) -> bytes:
    """sigmoid(mean of all inputs), for an input of (1, embeddings, width); an output of (1, scores) is declared."""
    reduce = _node(
        "ReduceMean", "x", "mean", _text(1, "axes") + _number(8, 1) + _number(8, 2) + _number(20, _INTS), True
    )
    sigmoid = _node("Sigmoid", "flat", "y")
    flat = _node("Flatten", "mean", "flat", _text(1, "axis") + _number(3, 1) + _number(20, _INT))
    graph = _message(1, reduce) + _message(1, flat) + _message(1, sigmoid) + _text(2, "word")
    graph += _message(11, _value("x", (1, embeddings, width))) + _message(12, _value("y", (1, scores)))
    return _number(1, 8) + _message(7, graph) + _message(8, _text(1, "") + _number(2, 13))


def _node(kind: str, source: str, result: str, attribute: bytes = b"", keep: bool = False) -> bytes:
    node = _text(1, source) + _text(2, result) + _text(3, kind) + _text(4, kind)
    if attribute:
        node += _message(5, attribute)
    if keep:
        node += _message(5, _text(1, "keepdims") + _number(3, 1) + _number(20, _INT))
    return node


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_message(1, _number(1, n)) for n in shape)
    return _text(1, name) + _message(2, _message(1, _number(1, _FLOAT) + _message(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _message(field, value.encode())


def _message(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
