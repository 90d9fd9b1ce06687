"""The pace of the sound."""

from __future__ import annotations

import pytest

from speakerd.server.audio import FORMATS, PCM
from speakerd.server.pacing import CHUNK_MS, LEAD_MS, PACE, SpeechQueue


@pytest.mark.parametrize("name", list(FORMATS))
def test_chunks_are_short_and_due_one_after_another(name: str):
    queue = SpeechQueue(FORMATS[name])
    sound = bytes(FORMATS[name].n_bytes(3_000))
    queue.put("One.", sound, 50.0)
    sent_ms, got = 0.0, b""
    while (due_s := queue.due_s) is not None:
        assert due_s == pytest.approx(50.0 + max(0.0, sent_ms + CHUNK_MS - LEAD_MS) / 1000 / PACE)
        words, chunk = queue.take()
        assert words == (["One."] if not got else [])
        sent_ms += FORMATS[name].ms(len(chunk))
        got += chunk
    assert got == sound
    assert queue.waiting_ms == 0


def test_a_chunk_ends_where_a_sentence_begins():
    queue = SpeechQueue(PCM)
    queue.put("One.", bytes(PCM.n_bytes(250)), 1.0)
    queue.put("Two.", bytes(PCM.n_bytes(100)), 2.0)
    taken = [queue.take() for _ in range(3)]
    assert [(words, PCM.ms(len(chunk))) for words, chunk in taken] == [(["One."], 200), ([], 50), (["Two."], 100)]
    assert queue.started_s == 1.0


def test_cleared_sound_is_not_due():
    queue = SpeechQueue(PCM)
    queue.put("One.", bytes(9_600), 1.0)
    queue.clear()
    assert queue.due_s is None
