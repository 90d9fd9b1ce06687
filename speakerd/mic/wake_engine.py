"""Runs one small network: a .tflite file on LiteRT, an .onnx file on onnxruntime. One thread each.

The only importer of `ai_edge_litert` and `onnxruntime`; the latter is loaded only for an .onnx model.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from speakerd.errors import ConfigError

Array = NDArray[np.float32]


class Network(Protocol):
    """float32 in, float32 out. Not thread-safe."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape that `run` takes; −1 for a free dimension."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape that `run` gives; −1 for a free dimension."""

    def run(self, values: Array) -> Array:
        """One inference. The result may be overwritten by the next call."""


@contextlib.contextmanager
def _stderr_aside() -> Iterator[None]:
    """LiteRT says there, in each program once, which processor it runs on: nothing for a journal of plain sentences."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class TfliteNetwork:
    """A .tflite file on LiteRT."""

    def __init__(self, path: Path, input_shape: tuple[int, ...] | None = None) -> None:
        """Load `path`, with its input resized to `input_shape` if given. Raises ConfigError."""
        try:
            with _stderr_aside():
                self._interpreter: Any = Interpreter(model_path=str(path), num_threads=1)
                if input_shape is not None:
                    index = self._interpreter.get_input_details()[0]["index"]
                    self._interpreter.resize_tensor_input(index, list(input_shape), strict=False)
                self._interpreter.allocate_tensors()
            inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise ConfigError(f"wake model {path}: not a usable .tflite file: {_first_line(error)}") from error
        _require_one_float_each(path, [i["dtype"] == np.float32 for i in inputs], len(outputs))
        self._input, self._output = int(inputs[0]["index"]), int(outputs[0]["index"])
        self.input_shape = tuple(int(n) for n in inputs[0]["shape"])
        self.output_shape = tuple(int(n) for n in outputs[0]["shape"])

    def run(self, values: Array) -> Array:
        """One inference; the result is a copy."""
        self._interpreter.set_tensor(self._input, values)
        self._interpreter.invoke()
        result: Array = self._interpreter.get_tensor(self._output)
        return result


class OnnxNetwork:
    """An .onnx file on onnxruntime, which is an optional dependency."""

    def __init__(self, path: Path) -> None:
        """Load `path`. Raises ConfigError, also when onnxruntime is not installed."""
        try:
            import onnxruntime  # 20 MB of memory that only users of .onnx models should pay
        except ImportError as error:
            raise ConfigError(
                f"wake model {path}: an .onnx model needs onnxruntime, which is not installed",
                hint="pip install onnxruntime, or give a .tflite model",
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own exception types have no public common base
            raise ConfigError(f"wake model {path}: not a usable .onnx file: {_first_line(error)}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        _require_one_float_each(path, [i.type == "tensor(float)" for i in inputs], len(outputs))
        self._input = inputs[0].name
        self.input_shape = _fixed(inputs[0].shape)
        self.output_shape = _fixed(outputs[0].shape)

    def run(self, values: Array) -> Array:
        """One inference; the result is a new array."""
        result: Array = self._session.run(None, {self._input: values})[0]
        return result


def load_network(path: Path) -> Network:
    """The network in `path`, by its suffix. Raises ConfigError."""
    return OnnxNetwork(path) if path.suffix == ".onnx" else TfliteNetwork(path)


def try_out(path: Path, network: Network, input_shape: tuple[int, ...]) -> None:
    """Run once on zeros, so that a model that breaks does so at start. Raises ConfigError if it gives no score."""
    try:
        result = network.run(np.zeros(input_shape, np.float32))
    except Exception as error:  # as above: onnxruntime's own exception types
        raise ConfigError(f"wake model {path}: cannot be run: {_first_line(error)}") from error
    if result.size != 1 or not np.isfinite(result).all():
        raise ConfigError(f"wake model {path}: gives {result.tolist()} for silence instead of one score")


def _fixed(shape: list[Any]) -> tuple[int, ...]:
    """ONNX writes a free dimension as a name or None."""
    return tuple(n if isinstance(n, int) and n > 0 else -1 for n in shape)


def _require_one_float_each(path: Path, inputs_are_float: list[bool], outputs: int) -> None:
    inputs = len(inputs_are_float)
    if inputs != 1 or outputs != 1:
        raise ConfigError(f"wake model {path}: has {inputs} inputs and {outputs} outputs, one each is wanted")
    if not inputs_are_float[0]:
        raise ConfigError(f"wake model {path}: its input is not float32", hint="export it without quantised inputs")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
