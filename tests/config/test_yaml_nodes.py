"""Scalars of the core schema, places of nodes, and both parsers of PyYAML."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from speakerd.config import yaml_nodes
from speakerd.config.mistakes import Place
from speakerd.config.yaml_nodes import Node, core_value, read_nodes

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "speakerd.yaml"


def at(line: int) -> Place:
    return Place(False, "f", line)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        *((text, text) for text in ("on", "off", "yes", "no", "y", "n", "On", "OFF", "tRue", "nUll")),
        *(
            (text, text)
            for text in ("1_000", "0b1", "1:30", "2026-11-22", "0o8", "0xg", "1e", "e1", ".", "+", "-", "1,5")
        ),
        *((text, text) for text in ("inf", "nan", "-.nan", "+.nan", "١")),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("007", 7),
        ("0o17", 15),
        ("0xfF", 255),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5e-3", -0.0015),
        ("1e3", 1000.0),
        ("1e999", math.inf),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("+.INF", math.inf),
        ("9" * 40, int("9" * 40)),
        ("9" * 41, math.inf),
        ("-" + "9" * 100_000, -math.inf),
        ("0x" + "f" * 100_000, math.inf),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_an_unquoted_scalar_means(text: str, value: object) -> None:
    found = core_value(text)
    assert found == value
    assert type(found) is type(value)


def test_nan_is_read_as_such() -> None:
    assert all(math.isnan(float(core_value(text) or 0)) for text in (".nan", ".NaN", ".NAN"))


def places(node: Node | None, name: str = "") -> dict[str, int]:
    """Line of every node by its dotted name."""
    assert node is not None
    found = {name: node.place.line}
    items = (
        node.value.items()
        if isinstance(node.value, dict)
        else enumerate(node.value if isinstance(node.value, list) else [])
    )
    for part, child in items:
        found |= places(child, f"{name}.{part}")
    return found


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each parser that PyYAML may have: the one in C is missing where it was built without libyaml."""
    name: str = request.param
    monkeypatch.setattr(yaml_nodes, "_Loader", getattr(yaml, name))
    return name


@pytest.mark.usefixtures("parser")
def test_values_stand_in_the_line_of_their_key_and_entries_in_their_own() -> None:
    node, mistakes = read_nodes("a:\n  b: |\n    x\n\n  c:\n    - 1\n    -\n      d: 'e'\n? f\n: g\n", at)
    assert mistakes == []
    assert places(node) == {"": 1, ".a": 1, ".a.b": 2, ".a.c": 5, ".a.c.0": 6, ".a.c.1": 8, ".a.c.1.d": 8, ".f": 9}


@pytest.mark.usefixtures("parser")
def test_quoted_and_block_scalars_are_text() -> None:
    node, _ = read_nodes("- '1'\n- \"true\"\n- |-\n  null\n- >-\n  1\n- 1\n", at)
    assert node is not None
    assert isinstance(node.value, list)
    assert [child.value for child in node.value] == ["1", "true", "null", "1", 1]


def test_both_parsers_read_the_shipped_file_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    monkeypatch.setattr(yaml_nodes, "_Loader", yaml.CSafeLoader)
    fast = read_nodes(text, at)
    monkeypatch.setattr(yaml_nodes, "_Loader", yaml.SafeLoader)
    assert read_nodes(text, at) == fast


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "{" * 20_000,
        "- " * 20_000,
        "a: b: c",
        "\t",
        "'",
        '"\\U00110000"',
        '"\\ud800"',
        "%YAML 9.9\n---\n",
        "%YAML 99999999999999999999.1\n---\na",
        "@",
        "*a",
        "&a b",
        "!!x y",
        "--- a\n--- b\n",
        "\0",
        "\ud800",
        "[a",
        "|1234\n x",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_neither_parser_raises(text: str) -> None:
    node, mistakes = read_nodes(text, at)
    assert mistakes or text == '"\\ud800"'
    assert all(mistake.place.line >= 0 for mistake in mistakes)
    assert node is None or isinstance(node, Node)
