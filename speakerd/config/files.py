"""Files that the configuration names: wake models and sounds. Looks at the disk, opens nothing."""

from __future__ import annotations

import os
from pathlib import Path

from speakerd.config.keys import Kind, children, dotted, known_keys
from speakerd.config.mistakes import Mistake, nearest, shown
from speakerd.config.yaml_nodes import Node

WAKE_MODELS = ("alexa", "hey_jarvis", "hey_mycroft", "hey_rhasspy", "okay_nabu")
"""Names of the wake models that are installed with speakerd."""

WAKE_SUFFIXES = (".tflite", ".onnx")


def file_mistakes(root: Node) -> list[Mistake]:
    """Wake models that are neither known nor a file, and sounds that are no file. Never raises."""
    return [*_wake_mistakes(root), *_sound_mistakes(root)]


def _wake_mistakes(root: Node) -> list[Mistake]:
    mistakes = []
    seen: set[str] = set()
    words = _below(_below(root, "wake"), "words")
    for index, entry in enumerate(words.value if words is not None and isinstance(words.value, list) else []):
        node = _below(entry, "model")
        if node is None or not isinstance(node.value, str) or not node.value:
            continue
        word = Path(node.value).stem
        expected = "each word once (name the files differently)" if word in seen else _expected_model(node.value)
        seen.add(word)
        if expected:
            text = f"found the text {shown(node.value)}, expected {expected}"
            mistakes.append(Mistake(node.place, dotted(("wake", "words", index, "model")), text))
    return mistakes


def _expected_model(name: str) -> str:
    """What should stand there instead of `name`; empty if it is a model."""
    if name in WAKE_MODELS:
        return ""
    if not name.endswith(WAKE_SUFFIXES):
        meant = nearest(name.lower().replace(" ", "_"), WAKE_MODELS)
        hint = f" (did you mean {meant}?)" if meant else ""
        return f"{', '.join(WAKE_MODELS)}, or a path to a .tflite or .onnx file{hint}"
    reason = _no_file(Path(name).expanduser() if name.startswith("~/") else Path(name))
    return f"a file that exists ({reason})" if reason else ""


def _sound_mistakes(root: Node) -> list[Mistake]:
    mistakes = []
    sounds = _below(root, "sounds")
    for key in children(("sounds",)):
        node = _below(sounds, key)
        if known_keys()["sounds", key].kind is not Kind.TEXT:
            continue
        if node is None or not isinstance(node.value, str) or node.value in ("", "default", "none"):
            continue
        if reason := _no_file(Path(node.value)):
            text = f"found the text {shown(node.value)}, expected default, none or a .wav file that exists ({reason})"
            mistakes.append(Mistake(node.place, f"sounds.{key}", text))
    return mistakes


def _below(node: Node | None, name: str) -> Node | None:
    return node.value.get(name) if node is not None and isinstance(node.value, dict) else None


def _no_file(path: Path) -> str:
    """Why `path` is no file that we may read; empty if it is one."""
    try:
        if path.is_dir():
            return "this is a folder"
        if path.is_file():
            return "" if os.access(path, os.R_OK) else "this user may not read it"
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or "no such path")
    if path.parts[:1] and path.parts[0].startswith("~"):
        return "`~` is not understood: write the whole path"
    return "there is none" if path.is_absolute() else "there is none; write the whole path, from / on"
