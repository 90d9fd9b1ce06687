"""What the models tell about their keys."""

from __future__ import annotations

import pytest

from speakerd.config.keys import UNITS, Key, Kind, children, dotted, known_keys, known_path, plain_number

LEAVES = [key for key in known_keys().values() if key.kind not in (Kind.SECTION, Kind.LIST)]

WORDS_FOR_UNITS = {"seconds": ("seconds",), **{unit: (unit,) for unit in ("ms", "Hz", "percent", "dBFS", "US dollars")}}


def name_of(key: Key) -> str:
    return dotted(key.path)


def test_keys_of_every_kind() -> None:
    keys = known_keys()
    assert keys[()].kind is Kind.SECTION
    assert keys["audio",].doc == "Sound cards."
    assert keys["audio", "volume_percent"].expected == "a whole number from 0 to 100 (percent)"
    assert keys["conversation", "max_turn_s"].expected == "a number above 0 and at most 600 (seconds)"
    assert keys["conversation", "barge_in"].choices == ("speech", "wake_word", "off")
    assert keys["wake", "words"].kind is Kind.LIST
    assert keys["wake", "words", "*", "model"].default is None
    assert keys["realtime", "turn_detection"].kind is Kind.SECTION
    assert keys["realtime", "turn_detection", "threshold"].default == 0.5
    assert children(("wake", "words", "*")) == ["model", "threshold", "refractory_ms", "persona"]


def test_names_of_paths() -> None:
    assert dotted(("wake", "words", 0, "model")) == "wake.words[0].model"
    assert known_path(("wake", "words", 0, "model")) == ("wake", "words", "*", "model")
    assert [plain_number(x) for x in (8.0, 0.5, 192_000, -60.0)] == ["8", "0.5", "192000", "-60"]


@pytest.mark.parametrize("key", list(known_keys().values())[1:], ids=name_of)
def test_everything_is_documented(key: Key) -> None:
    assert key.path[-1] == "*" or key.doc.endswith("."), "write a sentence under the field"


@pytest.mark.parametrize("key", [key for key in LEAVES if key.kind in (Kind.WHOLE, Kind.NUMBER)], ids=name_of)
def test_every_number_has_both_limits_so_that_nan_and_infinity_are_refused(key: Key) -> None:
    assert " from " in key.expected or (" and " in key.expected)


@pytest.mark.parametrize("key", [key for key in LEAVES if key.unit], ids=name_of)
def test_the_unit_in_the_name_is_told_in_the_text_too(key: Key) -> None:
    assert any(word in key.doc for word in WORDS_FOR_UNITS[key.unit])


def test_every_unit_is_used() -> None:
    assert {key.unit for key in LEAVES} == {*UNITS.values(), ""}
