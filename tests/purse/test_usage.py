"""Counts as a server may send them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from speakerd.purse.usage import MAX_COUNT, Tokens, Traffic

ANY_COUNT = st.integers(-(10**20), 10**20)


@given(st.builds(Tokens, text_in=ANY_COUNT, audio_in=ANY_COUNT, cached_text_in=ANY_COUNT, cached_audio_in=ANY_COUNT))
def test_nonsense_is_clamped(tokens):
    assert 0 <= tokens.cached_text_in <= tokens.text_in <= MAX_COUNT
    assert 0 <= tokens.cached_audio_in <= tokens.audio_in <= MAX_COUNT


def test_sense_is_left_alone():
    tokens = Tokens(text_in=10, audio_in=20, cached_text_in=3, cached_audio_in=4, text_out=5, audio_out=6)
    assert tokens + tokens == Tokens(
        text_in=20, audio_in=40, cached_text_in=6, cached_audio_in=8, text_out=10, audio_out=12
    )


def test_traffic_since():
    before = Traffic(ms_up=100, bytes_up=10, ms_down=50, bytes_down=5)
    after = Traffic(ms_up=300, bytes_up=40, ms_down=50, bytes_down=4)
    assert after.since(before) == Traffic(ms_up=200, bytes_up=30, ms_down=0, bytes_down=0)
    assert before + after.since(before) == Traffic(ms_up=300, bytes_up=40, ms_down=50, bytes_down=5)
