"""Ears and voice: the real ones."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from speakerd.errors import ConfigError
from speakerd.pcm import level_dbfs
from speakerd.server.ears import Ears
from speakerd.server.response import sentences
from speakerd.server.voice import Voice
from speakerd.server.wits.story import STORIES


@pytest.fixture(scope="module")
def ears():
    made = Ears()
    yield made
    made.close()


def test_without_its_package_there_are_no_ears_and_it_says_what_brings_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("speakerd.server.ears.importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"moonshine-voice is not installed \(script/install brings it"):
        Ears()


@pytest.mark.parametrize("text", ["What time is it?", "Tell me a long story.", "What can you do?"])
@pytest.mark.parametrize("rate_hz", [8_000, 24_000])
def test_the_ears_hear_what_the_voice_says(ears: Ears, text: str, rate_hz: int):
    def plain(words: str) -> str:
        return re.sub("[^a-z ]", "", words.lower())

    assert plain(ears.transcribe(Voice("rms").synthesise(text, rate_hz), rate_hz)) == plain(text)


def test_the_ears_hear_no_words_in_noise(ears: Ears):
    noise = np.random.default_rng(0).normal(0, 1500, 24_000).astype(np.int16)
    assert ears.transcribe(noise, 24_000) == ""
    assert ears.transcribe(np.zeros(2_400, dtype=np.int16), 24_000) == ""


def test_ears_can_be_closed_twice_and_open_again():
    ears = Ears()
    ears.close()
    ears.load()
    ears.close()
    ears.close()


@pytest.mark.parametrize("name", ["slt", "rms", "awb", "kal16"])
def test_every_voice_speaks_at_once_and_at_the_rate_asked(name: str):
    sound = Voice(name).synthesise("It is ten past four.", 24_000)
    assert 1.0 < sound.size / 24_000 < 4.0
    assert level_dbfs(sound[:2_400]) > -60, "flite's silence at the front is cut"
    assert level_dbfs(sound) > -35
    assert Voice(name).synthesise("It is ten past four.", 8_000).size == pytest.approx(sound.size / 3, abs=2)


def test_speed():
    voice = Voice("slt")
    slow, fast = (voice.synthesise("It is ten past four.", 24_000, speed).size for speed in (0.75, 1.5))
    assert 1.6 < slow / fast < 2.2


@pytest.mark.parametrize("number", range(len(STORIES)))
def test_stories_are_long_enough_to_interrupt(number: int):
    voice = Voice("rms")
    spoken_s = sum(voice.synthesise(sentence, 8_000).size / 8_000 for sentence in sentences(STORIES[number]))
    assert spoken_s > 25


@pytest.mark.parametrize("text", ["", "-v", "\x00\n", "ü…€漢", "`reboot` $(x) \"'", "word " * 2_000])
def test_any_text_can_be_said(text: str):
    assert Voice("kal16").synthesise(text, 24_000).size > 0


def test_a_missing_flite_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("flite") is None
    with pytest.raises(ConfigError, match="apt install flite"):
        Voice("slt")
