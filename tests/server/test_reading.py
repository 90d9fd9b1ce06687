"""What responses read: usage that adds up, what is cached, what is left out as too long."""

from __future__ import annotations

from speakerd.server.history import Item
from speakerd.server.reading import CONTEXT_TOKENS, Reading
from speakerd.server.settings import RetentionRatio, TokenLimits


def said(name: str, tokens: int = 10) -> Item:
    content = [{"type": "input_text", "text": "x" * 4 * tokens}]
    return Item({"id": name, "type": "message", "role": "user", "content": content})


def kept(reading: Reading, items: list[Item], limit: int, ratio: float = 1.0) -> int:
    limits = TokenLimits(post_instructions=limit)
    truncation = RetentionRatio(type="retention_ratio", retention_ratio=ratio, token_limits=limits)
    return reading.history("", items, truncation).text


def test_what_the_response_before_read_first_is_cached():
    reading = Reading()
    items = [said("a"), said("b")]
    first = reading.history("head", items, "auto")
    assert (first.text, first.cached_text) == (21, 0)
    items.append(said("c"))
    second = reading.history("head", items, "auto")
    assert (second.text, second.cached_text) == (31, 21)


def test_a_change_in_the_middle_spoils_the_cache_from_there_on():
    reading = Reading()
    items = [said("a"), said("b"), said("c")]
    reading.history("head", items, "auto")
    items[1] = said("b", tokens=5)
    assert reading.history("head", items, "auto").cached_text == 11
    assert reading.history("other", items, "auto").cached_text == 0


def test_responses_out_of_band_leave_the_cache_alone():
    reading = Reading()
    items = [said("a")]
    reading.history("head", items, "auto")
    assert reading.aside("other", items).cached_text == 0
    assert reading.aside("head", items, "auto").cached_text == 11
    assert reading.history("head", items, "auto").cached_text == 11


def test_a_conversation_too_long_loses_its_beginning_for_good():
    reading = Reading()
    items = [said(str(n)) for n in range(10)]
    assert kept(reading, items, 100) == 100
    items.append(said("10"))
    assert kept(reading, items, 100, 0.8) == 80, "cut to the ratio, not to the limit"
    items.append(said("11"))
    assert kept(reading, items, 100, 0.8) == 90, "what was left out stays out"
    del items[:3]
    assert kept(reading, items, 1_000) == 90, "deleting what is not read changes nothing"


def test_the_last_item_is_always_read():
    assert kept(Reading(), [said("a"), said("b", 500)], 100) == 500


def test_without_truncation_everything_is_read():
    items = [said(str(n), 10_000) for n in range(5)]
    assert Reading().history("", items, "disabled").text == 50_000
    assert Reading().history("", items, "auto").text <= CONTEXT_TOKENS
