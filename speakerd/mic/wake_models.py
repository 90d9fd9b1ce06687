"""Where wake models lie: words by name inside the installed `pyopen-wakeword`, others by the user's path.

Only looks at files and names; nothing is loaded, so `speakerd check` can ask too.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from speakerd.errors import ConfigError, SpeakerdError

MODEL_SUFFIXES = (".tflite", ".onnx")

_FEATURE_MODELS = ("melspectrogram", "embedding_model")
"""The two networks that all words share; every other model of the package is a word."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One word model on disk."""

    word: str
    """What it is called in events: the file's name without its suffix."""
    path: Path


def models_folder() -> Path:
    """The folder of published models. Raises SpeakerdError where the package is broken or missing."""
    spec = find_spec("pyopen_wakeword")  # finds without importing: its native code is never loaded
    if spec is None or spec.origin is None:
        raise SpeakerdError("the wake word models are not installed", hint="pip install 'pyopen-wakeword>=1.1,<2'")
    return Path(spec.origin).parent / "models"


def feature_models() -> tuple[Path, Path]:
    """Paths of the melspectrogram and the embedding network. Raises SpeakerdError if one is missing."""
    folder = models_folder()
    mel, embedding = (folder / f"{name}.tflite" for name in _FEATURE_MODELS)
    for path in (mel, embedding):
        if not path.is_file():
            raise SpeakerdError(f"{path} is missing", hint="reinstall pyopen-wakeword")
    return mel, embedding


def known_words() -> tuple[str, ...]:
    """Names of the published word models, sorted."""
    return tuple(sorted(p.stem for p in models_folder().glob("*.tflite") if p.stem not in _FEATURE_MODELS))


def find_model(model: str) -> ModelFile:
    """The file for a name or a path (`~` is expanded). Raises ConfigError with the nearest known name."""
    path = Path(model).expanduser()
    if path.suffix in MODEL_SUFFIXES or "/" in model:
        return _users_model(path)
    words = known_words()
    if model in words:
        return ModelFile(model, models_folder() / f"{model}.tflite")
    near = difflib.get_close_matches(model.lower().replace(" ", "_").replace("-", "_"), words, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]}? " if near else ""
    raise ConfigError(
        f"unknown wake word {model!r}",
        hint=f"{guess}known: {', '.join(words)}, or the path of a .tflite or .onnx file",
    )


def _users_model(path: Path) -> ModelFile:
    if path.suffix not in MODEL_SUFFIXES:
        raise ConfigError(f"wake model {path}: not a .tflite or .onnx file")
    if not path.is_file():
        raise ConfigError(f"wake model {path}: no such file")
    return ModelFile(path.stem, path)
