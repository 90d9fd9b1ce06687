"""Environment variables `SPEAKERD_SECTION__KEY`, laid over what the file says. Pure: `environ` is handed in."""

from __future__ import annotations

from collections.abc import Mapping

from speakerd.config.keys import ENVIRONMENT_PREFIX, Key, KeyPath, Kind, dotted, known_keys
from speakerd.config.mistakes import KEY_BELONGS_ELSEWHERE, Mistake, Place, listed, looks_like_a_secret, nearest
from speakerd.config.yaml_nodes import Node, core_value, read_nodes

MAX_CHARACTERS = 256 * 1024
"""Longest value that we look at."""


def overlay(root: Node, environ: Mapping[str, str]) -> list[Mistake]:
    """Put the values of `environ` into the tree of nodes; the mistakes in them.

    Variables without `__` after the prefix belong to others and are left alone, unless they are one of ours
    with `_` for `__`. Of two that overlap, the one for the deeper key wins.
    """
    mistakes: list[Mistake] = []
    for name in sorted(environ):
        if not name.upper().startswith(ENVIRONMENT_PREFIX):
            continue
        if "__" not in name[len(ENVIRONMENT_PREFIX) :] and _undoubled(name) is None:
            continue
        key = _key_of(name)
        if key is None:
            mistakes.append(_unknown(name))
            continue
        node, wrong = _node_of(key, environ[name], Place(in_environment=True, source=name))
        mistakes += wrong
        if node is not None:
            _put(root, key.path, node)
    return mistakes


def _key_of(name: str) -> Key | None:
    key = known_keys().get(tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")))
    return key if key is not None and key.environment_name == name else None


def _unknown(name: str) -> Mistake:
    place = Place(in_environment=True, source=name)
    parts = name[len(ENVIRONMENT_PREFIX) :].split("__")
    if looks_like_a_secret(parts[-1]):
        return Mistake(place, "", f"found a key that does not exist, expected none ({KEY_BELONGS_ELSEWHERE})")
    meant = _meant(name)
    hint = f"did you mean {meant}?" if meant else "`speakerd check --schema` tells all keys"
    return Mistake(place, "", f"found a variable that is not known, expected SPEAKERD_SECTION__KEY ({hint})")


def _names() -> list[str]:
    return [key.environment_name for key in known_keys().values() if key.environment_name]


def _undoubled(name: str) -> str | None:
    """The known variable that `name` would be with `__` in place of `_`."""
    return next((known for known in _names() if known.replace("__", "_") == name.upper()), None)


def _meant(name: str) -> str | None:
    """The known variables that `name` goes on too long from, or is spelt like, or whose key it puts elsewhere."""
    if meant := _undoubled(name):
        return meant
    above = [known for known in _names() if name.upper().startswith(f"{known}__")]
    if above:
        return max(above, key=len)
    section, _, last = name.upper().removeprefix(ENVIRONMENT_PREFIX).rpartition("__")
    with_key = {known.removeprefix(ENVIRONMENT_PREFIX).rpartition("__")[0]: known for known in _names_of(last)}
    if with_key:
        near = nearest(section, with_key)
        return with_key[near] if near else listed(with_key.values())
    ends = [known.removeprefix(ENVIRONMENT_PREFIX) for known in _names()]
    end = nearest(f"{section}__{last}", ends)
    return f"{ENVIRONMENT_PREFIX}{end}" if end else None


def _names_of(key: str) -> list[str]:
    """The known variables of keys called so, in whatever section."""
    return [known for known in _names() if known.rpartition("__")[2] == key]


def _node_of(key: Key, text: str, place: Place) -> tuple[Node | None, list[Mistake]]:
    if len(text) > MAX_CHARACTERS:
        return None, [Mistake(place, dotted(key.path), f"found {len(text)} characters, expected {key.expected}")]
    if key.kind in (Kind.TEXT, Kind.CHOICE):
        return Node(text, place, text, quoted=True), []
    if key.kind not in (Kind.LIST, Kind.SECTION):
        return Node(core_value(text.strip()), place, text), []
    node, mistakes = read_nodes(text, lambda _line: place)
    if node is None and not mistakes:
        node = Node(None, place)
    prefix = dotted(key.path)
    return node, [Mistake(m.place, f"{prefix}.{m.key}" if m.key else prefix, m.text) for m in mistakes]


def _put(root: Node, path: KeyPath, node: Node) -> None:
    """Set `path` below `root`; a section of the environment only replaces the keys that it names."""
    parent = root
    for name in path[:-1]:
        if not isinstance(parent.value, dict):
            return  # the file has something wrong there, which will be blamed
        parent = parent.value.setdefault(name, Node({}, node.place))
        if parent.value is None:
            parent.value = {}
    if not isinstance(parent.value, dict):
        return
    old = parent.value.get(path[-1])
    if old is not None and isinstance(old.value, dict) and isinstance(node.value, dict):
        old.value.update(node.value)
    else:
        parent.value[path[-1]] = node
