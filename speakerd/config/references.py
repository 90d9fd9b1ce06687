"""Names in the configuration that must be given elsewhere in it: personas. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from speakerd.config.keys import dotted
from speakerd.config.mistakes import Mistake, listed, nearest, shown
from speakerd.config.yaml_nodes import Node


def reference_mistakes(root: Node) -> list[Mistake]:
    """Personas that wake words ask for and that there are not, and those that there are twice. Never raises."""
    personas = _texts(root, "personas", "name")
    names = [node.value for _, node in personas]
    mistakes = [
        _mistake(("wake", "personas", index, "name"), node, "each name once")
        for number, (index, node) in enumerate(personas)
        if node.value in names[:number]
    ]
    for index, node in _texts(root, "words", "persona"):
        if node.value not in names:
            mistakes.append(_mistake(("wake", "words", index, "persona"), node, _expected(str(node.value), names)))
    return mistakes


def _expected(name: str, names: Sequence[object]) -> str:
    known = dict.fromkeys(str(one) for one in names)
    if not known:
        return "nothing, for there are no personas (describe it: `personas: [{name: …, voice: …}]` beside `words:`)"
    meant = nearest(name, known)
    hint = f"did you mean {meant}?" if meant else "or describe it in an entry of wake.personas"
    return f"the name of a persona: {listed(known)} ({hint})"


def _mistake(path: tuple[str | int, ...], node: Node, expected: str) -> Mistake:
    return Mistake(node.place, dotted(path), f"found the text {shown(node.text)}, expected {expected}")


def _texts(root: Node, section: str, key: str) -> list[tuple[int, Node]]:
    """The texts of a key in a list of `wake` that are there and not empty, with their places in it."""
    node: Node | None = root
    for name in ("wake", section):
        node = node.value.get(name) if node is not None and isinstance(node.value, dict) else None
    entries = node.value if node is not None and isinstance(node.value, list) else []
    found = [(index, entry.value.get(key)) for index, entry in enumerate(entries) if isinstance(entry.value, dict)]
    return [(index, one) for index, one in found if one is not None and isinstance(one.value, str) and one.value]
