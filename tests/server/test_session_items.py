"""Items of the conversation: added, cut, deleted, fetched; each event checked against the published schema."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from support.session_words import Harness, error_of, kinds, spoken_item


def test_truncate_cuts_sound_and_drops_the_transcript(h: Harness):
    item_id = spoken_item(h)
    cut = {"item_id": item_id, "content_index": 0}
    events = h.send("conversation.item.truncate", **cut, audio_end_ms=700)
    assert kinds(events) == ["conversation.item.truncated"]
    assert {k: events[0][k] for k in (*cut, "audio_end_ms")} == {**cut, "audio_end_ms": 700}
    item = h.send("conversation.item.retrieve", item_id=item_id)[0]["item"]
    assert "transcript" not in item["content"][0]
    assert len(base64.b64decode(item["content"][0]["audio"])) == 700 * 48
    error = error_of(h.send("conversation.item.truncate", **cut, audio_end_ms=701))
    assert error["code"] == "invalid_value"
    assert error["message"] == "Audio content of 700ms is already shorter than 701ms"


def test_truncate_refuses_more_than_was_sent(h: Harness):
    item_id = spoken_item(h)
    error = error_of(h.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1001))
    assert error["message"] == "Audio content of 1000ms is already shorter than 1001ms"
    assert kinds(h.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1000)) == [
        "conversation.item.truncated"
    ]


def test_truncate_counts_only_what_was_sent_before_a_cancel(h: Harness):
    h.speech = lambda job: np.full(20 * job.rate_hz, 1000, dtype=np.int16)
    h.ask("Hello")
    h.send("response.create")
    h.send("response.cancel")
    item_id = h.of("response.output_audio.delta")[0]["item_id"]
    error = error_of(h.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=401))
    assert error["message"] == "Audio content of 400ms is already shorter than 401ms"


@pytest.mark.parametrize(
    ("which", "index", "ms", "code"),
    [
        ("user", 0, 1, "unsupported_content_type"),
        ("assistant", 1, 1, "unsupported_content_type"),
        ("assistant", 0, -1, "invalid_value"),
    ],
)
def test_truncate_refuses_what_is_not_the_assistants_sound(h: Harness, which: str, index: int, ms: int, code: str):
    assistant = spoken_item(h)
    item_id = assistant if which == "assistant" else h.of("conversation.item.added")[0]["item"]["id"]
    error = error_of(h.send("conversation.item.truncate", item_id=item_id, content_index=index, audio_end_ms=ms))
    assert error["code"] == code


@pytest.mark.parametrize("verb", ["truncate", "delete", "retrieve"])
def test_unknown_items(h: Harness, verb: str):
    extra = {"content_index": 0, "audio_end_ms": 0} if verb == "truncate" else {}
    error = error_of(h.send(f"conversation.item.{verb}", item_id="item_none", **extra))
    assert error["code"] == f"item_{verb}_invalid_item_id"


def test_items_take_the_ids_and_places_that_the_client_gives(h: Harness):
    def put(item_id: str, **place: str) -> list[dict]:
        content = [{"type": "input_text", "text": item_id}]
        item = {"type": "message", "role": "user", "id": item_id, "content": content}
        return h.send("conversation.item.create", item=item, **place)

    assert put("a")[0]["previous_item_id"] is None
    assert put("c")[0]["previous_item_id"] == "a"
    assert put("b", previous_item_id="a")[0]["previous_item_id"] == "a"
    assert put("first", previous_item_id="root")[0]["previous_item_id"] is None
    assert error_of(put("a"))["code"] == "item_create_invalid_item_id"
    assert error_of(put("d", previous_item_id="z"))["code"] == "item_create_invalid_previous_item_id"
    assert kinds(h.send("conversation.item.delete", item_id="c")) == ["conversation.item.deleted"]
    assert put("e")[0]["previous_item_id"] == "b"
