"""What a response costs, to the last digit, and tables with mistakes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerd.errors import ConfigError
from speakerd.purse.pricelist import load_prices
from speakerd.purse.prices import read_prices
from speakerd.purse.usage import Tokens, Usage

D = Decimal
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def cost(model, prices=None, heard_ms=0, **tokens):
    return (prices or load_prices()).cost(Usage(model=model, at=AT, heard_ms=heard_ms, tokens=Tokens(**tokens)))


@pytest.mark.parametrize(
    ("model", "tokens", "usd"),
    [
        ("gpt-realtime-2.1", {"audio_in": 1_000_000}, "32"),
        ("gpt-realtime-2.1", {"audio_in": 1_000_000, "cached_audio_in": 1_000_000}, "0.40"),
        ("gpt-realtime-2.1", {"audio_out": 1_000_000}, "64"),
        ("gpt-realtime-2.1", {"text_in": 1_000_000}, "4"),
        ("gpt-realtime-2.1", {"text_in": 1_000_000, "cached_text_in": 1_000_000}, "0.40"),
        ("gpt-realtime-2.1", {"text_out": 1_000_000}, "24"),
        ("gpt-realtime-2.1-mini", {"audio_in": 1_000_000}, "10"),
        ("gpt-realtime-2.1-mini", {"audio_in": 1_000_000, "cached_audio_in": 1_000_000}, "0.30"),
        ("gpt-realtime-2.1-mini", {"audio_out": 1_000_000}, "20"),
        ("gpt-realtime-2.1-mini", {"text_in": 1_000_000}, "0.60"),
        ("gpt-realtime-2.1-mini", {"text_in": 1_000_000, "cached_text_in": 1_000_000}, "0.06"),
        ("gpt-realtime-2.1-mini", {"text_out": 1_000_000}, "2.40"),
        ("gpt-realtime-1.5", {"text_out": 1_000_000, "audio_out": 1_000_000}, "80"),
        ("gpt-realtime-2025-08-28", {"text_out": 1_000_000, "audio_out": 1_000_000}, "80"),
        ("gpt-realtime-mini", {"text_out": 1_000_000, "audio_out": 1_000_000}, "22.40"),
        ("gpt-4o-transcribe", {"audio_in": 1_000_000, "text_out": 1_000_000}, "16"),
        ("gpt-4o-mini-transcribe", {"audio_in": 1_000_000, "text_out": 1_000_000}, "8"),
        # 10 s of the user (half of it read before), 200 words of instructions, an answer of 5 s and its transcript
        (
            "gpt-realtime-2.1-mini",
            {"audio_in": 100, "cached_audio_in": 50, "text_in": 300, "audio_out": 100, "text_out": 20},
            "0.002743",
        ),
        ("gpt-realtime-2.1-mini", {}, "0"),
        ("embedded", {"audio_in": 10**9, "text_out": 10**9}, "0"),
    ],
)
def test_published_prices(model, tokens, usd):
    assert cost(model, **tokens) == Decimal(usd)


def test_transcription_is_paid_by_the_minute():
    assert cost("gpt-transcribe", heard_ms=60_000) == Decimal("0.0045")
    assert cost("gpt-live-transcribe", heard_ms=1_000) == Decimal("0.017") / 60
    assert cost("whisper-1", heard_ms=60_000) == Decimal("0.006")
    assert cost("embedded", heard_ms=60_000) == 0


def test_a_dated_model_has_the_price_of_the_undated():
    assert cost("gpt-realtime-2.1-2026-05-06", text_in=1_000_000) == 4
    assert cost("gpt-realtime-2.1-preview", text_in=1_000_000) is None


@pytest.mark.parametrize("model", ["", "gpt-realtime-9", "gpt-realtim", "GPT-REALTIME-2.1"])
def test_an_unknown_model_is_unpriced(model):
    assert cost(model, text_in=1) is None


def test_what_has_no_price_is_unpriced():
    assert cost("gpt-transcribe", audio_in=5, heard_ms=60_000) is None
    assert cost("gpt-realtime-2.1", heard_ms=5) is None
    text_only = read_prices("m: {text: {in: 1, out: 2}}", "t")[0]
    assert cost("m", text_only, text_in=1_000_000) == 1
    assert cost("m", text_only, text_in=1, audio_out=1) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_cached_is_a_subset_and_never_dearer(read, cached, written):
    cheap = cost("gpt-realtime-2.1", audio_in=read, cached_audio_in=cached, audio_out=written)
    dear = cost("gpt-realtime-2.1", audio_in=read, audio_out=written)
    taken = min(read, cached)
    assert dear - cheap == taken * Decimal("31.6") / 1_000_000


def test_ones_own_table_lies_over_the_shipped_one(tmp_path):
    own = tmp_path / "prices.yaml"
    own.write_text(
        "my-deployment: {as: gpt-realtime-2.1}\nlocal: {text: {in: 0, out: 0}}\ngpt-transcribe: {minute: 1}\n"
    )
    prices = load_prices(str(own))
    assert cost("my-deployment", prices, audio_out=1_000_000) == 64
    assert cost("local", prices, text_in=9) == 0
    assert cost("gpt-transcribe", prices, heard_ms=60_000) == 1
    assert cost("gpt-realtime-2.1", prices, audio_out=1_000_000) == 64


def test_an_alias_may_stand_before_its_model():
    assert cost("b", read_prices("b: {as: a}\na: {text: {in: 3}}", "t")[0], text_in=1_000_000) == 3


def test_without_a_cached_price_cached_input_is_as_dear_as_other():
    prices = read_prices("m: {text: {in: 3}}", "t")[0]
    assert cost("m", prices, text_in=1_000_000, cached_text_in=1_000_000) == 3


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("m: {text: {in: cheap}}", 1, 'm.text.in: found "cheap", expected US dollars'),
        ("a: {minute: 1}\nm: {text: {in: -1}}", 2, "m.text.in"),
        ("m: {text: {in: .nan}}", 1, "m.text.in"),
        ("m: {text: {in: .inf}}", 1, "m.text.in"),
        ("m: {text: {in: true}}", 1, "m.text.in"),
        ("m: {text: 4}", 1, "m.text: found"),
        ("m: {texts: {in: 1}}", 1, "text, audio, minute or as"),
        ("m: {text: {read: 1}}", 1, "in, cached or out"),
        ("abc: {minute: 1}\nm: {as: abd}", 2, "did you mean abc?"),
        ("m: {as: m}", 1, "the name of a model with prices"),
        ("m: {as: [1]}", 1, "the name of a model with prices"),
        ("- m", 1, "models with their prices"),
        ('m: "a', 1, "never closed"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, text, line, words):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_prices(str(path))
    assert words in str(caught.value)
    assert f"own.yaml:{line}: " in str(caught.value)


def test_the_example_of_the_page_is_right():
    page = (Path(__file__).resolve().parents[2] / "docs" / "costs.md").read_text(encoding="utf-8")
    (example,) = [text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "minute" in text]
    prices, mistakes = read_prices(example, "page", load_prices())
    assert mistakes == []
    for model in ("gpt-realtime-2.1", "gpt-transcribe"):
        assert prices.by_model[model] == load_prices().by_model[model]
    assert cost("my-azure-deployment", prices, audio_in=100, audio_out=200) == D("0.016")
    assert cost("gpt-realtime-2.1-mini", audio_in=100, audio_out=200) == D("0.005")


def test_an_empty_table_changes_nothing(tmp_path):
    (tmp_path / "own.yaml").write_text("# nothing\n")
    assert load_prices(str(tmp_path / "own.yaml")) == load_prices()


def test_a_file_that_cannot_be_read_is_the_humans_mistake(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"m: \xe9")
    for path in (tmp_path, tmp_path / "none", tmp_path / "latin.yaml", "\0"):
        with pytest.raises(ConfigError, match=r"purse\.prices"):
            load_prices(str(path))


@given(st.text(max_size=80))
def test_no_text_makes_it_raise(text):
    read_prices(text, "t")
