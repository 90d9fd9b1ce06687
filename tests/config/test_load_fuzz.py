"""Whatever the bytes of a configuration are: a Config, or mistakes in printable lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerd.config.load import read

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "speakerd.yaml"


def never_raises_otherwise(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    reading = read(path, {})
    assert (reading.config is None) == bool(reading.lines())
    for line in reading.lines():
        assert line.isprintable()


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "c.yaml"


FUZZ = settings(max_examples=400)

NAMES = [
    "audio",
    "wake",
    "words",
    "model",
    "realtime",
    "url",
    "threshold",
    "log",
    "level",
    "api_key",
    "alexa",
    "embedded",
]
SIGNS = [
    ": ",
    ":\n  ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "'",
    '"',
    ">-\n",
    "# ",
    "\t",
    "&a ",
    "*a",
    "!!str ",
    "!",
    "<<",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\\",
    "~",
    "@",
    "`",
]
ODD = [
    "|\n",
    "\\x00",
    "\\ud800",
    "\0",
    "é",
    "\u2028",
    "\ufeff",
    "1",
    "0x",
    "0o9",
    "1e999",
    "9" * 50,
    ".nan",
    "true",
    "null",
]
YAML_BITS = st.sampled_from([*NAMES, *SIGNS, *ODD, "wss://a:b@c", "x" * 300])


@FUZZ
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(fuzzed: Path, data: bytes) -> None:
    never_raises_otherwise(fuzzed, data)


@FUZZ
@given(st.lists(YAML_BITS, max_size=30))
def test_no_yaml_raises_anything_else(fuzzed: Path, bits: list[str]) -> None:
    never_raises_otherwise(fuzzed, "".join(bits).encode("utf-8", "surrogatepass"))


@FUZZ
@given(st.data())
def test_no_mutation_of_the_shipped_file_raises_anything_else(fuzzed: Path, data: st.DataObject) -> None:
    lines = [line for line in SHIPPED.read_text().splitlines() if line and "#" not in line]
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        start = data.draw(st.integers(0, len(lines[index])))
        end = data.draw(st.integers(start, len(lines[index])))
        lines[index] = lines[index][:start] + data.draw(YAML_BITS | st.text(max_size=5)) + lines[index][end:]
    never_raises_otherwise(fuzzed, "\n".join(lines).encode("utf-8", "surrogatepass"))
