"""Changing single values of a file that a human wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerd.config.edit import with_text
from speakerd.config.load import load
from speakerd.errors import ConfigError

SAMPLE = Path(__file__).resolve().parents[2] / "config/speakerd.yaml"


def test_one_line_of_the_sample_changes_and_no_other():
    before = SAMPLE.read_text()
    after = with_text(before, "audio", "capture_device", "hw:CARD=Device,DEV=0")
    changed = [pair for pair in zip(before.split("\n"), after.split("\n"), strict=True) if pair[0] != pair[1]]
    assert changed == [("  capture_device: default", "  capture_device: hw:CARD=Device,DEV=0")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("audio:\n  volume_percent: 50\n", "audio:\n  capture_device: mic\n  volume_percent: 50\n"),
        ("audio:\n    volume_percent: 50", "audio:\n    capture_device: mic\n    volume_percent: 50"),
        ("audio:\n# mine\nlog: {}\n", "audio:\n  capture_device: mic\n# mine\nlog: {}\n"),
        ("audio:\n  capture_device: a   # mine\n", "audio:\n  capture_device: mic   # mine\n"),
        ("audio:\n  capture_device:\n", "audio:\n  capture_device: mic\n"),
        ('audio:\n  capture_device: "a # b"\n', "audio:\n  capture_device: mic\n"),
        ("log:\n  level: info\n", "log:\n  level: info\naudio:\n  capture_device: mic\n"),
        ("log:\n  level: info", "log:\n  level: info\naudio:\n  capture_device: mic\n"),
        ("# nothing\n", "# nothing\naudio:\n  capture_device: mic\n"),
        ("", "audio:\n  capture_device: mic\n"),
        ("audio: {}\n", 'audio: {capture_device: "mic"}\n'),
        ("audio: {capture_device: a, volume_percent: 5}\n", 'audio: {capture_device: "mic", volume_percent: 5}\n'),
        ("audio: {volume_percent: 5} # x\n", 'audio: {capture_device: "mic", volume_percent: 5} # x\n'),
        ("audio:\n  capture_device: mic # as it is\n", "audio:\n  capture_device: mic # as it is\n"),
    ],
)
def test_however_it_is_written(before: str, after: str):
    assert with_text(before, "audio", "capture_device", "mic") == after


@pytest.mark.parametrize(
    "value", ["a: b", "#", "12", "true", "- x", "ä", '"', "sysdefault:CARD=Headphones", "a,b", "x:"]
)
def test_any_value_comes_back_as_it_was(value: str, tmp_path: Path):
    path = tmp_path / "speakerd.yaml"
    for text in ("audio:\n  capture_device: old\n", "audio: {capture_device: old}\n"):
        path.write_text(with_text(text, "audio", "capture_device", value))
        assert load(path, {}).audio.capture_device == value


@pytest.mark.parametrize(
    "text",
    [
        "audio: {\n  capture_device: a}\n",
        "audio:\n  capture_device: >-\n    a\n",
        "audio: [1]\n",
        "- audio\n",
        "audio: &a {}\n",
        "audio: {capture_device: [a, b]}\n",
        '"audio":\n  capture_device: a\n',
    ],
)
def test_what_it_would_spoil_is_left_to_the_human(text: str):
    with pytest.raises(ConfigError, match=r"cannot set audio\.capture_device"):
        with_text(text, "audio", "capture_device", "mic")
