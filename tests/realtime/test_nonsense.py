"""Any field of any message may hold anything: it is counted, or put right, and nothing breaks, then or later."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest
from support.desk import Desk

from speakerd.config.model import Realtime
from speakerd.conversation.events import ItemHeard
from speakerd.realtime.backoff import LONGEST_S, Backoff
from speakerd.realtime.connection import date_of
from speakerd.realtime.outputs import TranscriptionUsage
from speakerd.realtime.parsing import _PARSERS
from speakerd.realtime.renewal import Renewal, ends_s
from speakerd.realtime.settings import session_settings

SETTINGS = session_settings(Realtime())
USAGE = {
    "seconds": 1.5,
    "input_tokens": 5,
    "output_tokens": 5,
    "input_token_details": {
        "text_tokens": 1,
        "audio_tokens": 2,
        "cached_tokens": 1,
        "cached_tokens_details": {"audio_tokens": 1},
    },
}
CALL = {"type": "function_call", "id": "f", "call_id": "c1", "name": "n", "arguments": "{}"}
REMOTE = {"type": "mcp_call", "id": "m1", "server_label": "n", "output": None}
ERROR = {"type": "x", "code": "rate_limit_exceeded", "message": "try again in 1s", "event_id": "create_1"}
AUDIO = {"response_id": "r1", "item_id": "i1", "content_index": 0, "delta": "AAAAAAAA" * 64}
WORDS = {"item_id": "i1", "delta": "x", "transcript": "x", "usage": USAGE}
RESPONSE = {
    "id": "r1",
    "status": "failed",
    "model": "m",
    "status_details": {"reason": "x", "error": ERROR},
    "output": [{"type": "message", "id": "i1"}, CALL, REMOTE],
    "usage": USAGE,
}
FIELDS: dict[str, dict[str, Any]] = {
    "session.created": {"session": {"expires_at": 1}},
    "session.updated": {"session": {**SETTINGS, "expires_at": 1}},
    "input_audio_buffer.speech_started": {},
    "input_audio_buffer.speech_stopped": {"audio_end_ms": 100},
    "input_audio_buffer.committed": {"item_id": "u"},
    "response.created": {"response": {"id": "r1"}},
    "response.output_audio.delta": AUDIO,
    "response.output_audio_transcript.delta": WORDS,
    "response.output_audio_transcript.done": WORDS,
    "conversation.item.input_audio_transcription.delta": WORDS,
    "conversation.item.input_audio_transcription.completed": WORDS,
    "response.function_call_arguments.done": {"response_id": "r1", **CALL},
    "response.output_item.added": {"item": REMOTE},
    "response.output_item.done": {"response_id": "r1", "item": CALL},
    "conversation.item.added": {"item": {"type": "mcp_approval_request", "id": "q", "server_label": "n"}},
    "conversation.item.created": {"item": REMOTE},
    "conversation.item.done": {"item": {"type": "mcp_list_tools", "id": "l", "server_label": "n"}},
    "response.mcp_call_arguments.done": {"item_id": "m1"},
    "response.mcp_call.in_progress": {"item_id": "m1"},
    "response.mcp_call.completed": {"item_id": "m1"},
    "response.mcp_call.failed": {"item_id": "m1"},
    "mcp_list_tools.failed": {"item_id": "l"},
    "response.done": {"response": RESPONSE},
    "rate_limits.updated": {"rate_limits": [{"name": "tokens", "reset_seconds": 1.5}]},
    "error": {"error": ERROR},
}
NONSENSE: tuple[Any, ...] = (
    None, True, -1, 10**30, 10**400, 1e308, float("inf"), float("nan"), "", "\ud800", "a" * 500,
    f"try again in {'9' * 5_000}m{'9' * 5_000}s", [], {}, [[]], [{}],
)  # fmt: skip


def line(kind: str, fields: Any = None) -> str:
    return json.dumps({"type": kind, **(FIELDS[kind] if fields is None else fields)})


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Of all fields, however deep."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*path, key)
        yield from places(one, (*path, key))


def replaced(fields: dict, place: tuple, value: Any) -> dict:
    changed = copy.deepcopy(fields)
    where = changed
    for key in place[:-1]:
        where = where[key]
    where[place[-1]] = value
    return changed


TALK = ("session.updated", "input_audio_buffer.committed", "response.created", "response.output_audio.delta")


def talk(kind: str, text: str) -> None:
    """A conversation with that message in it, and all that follows from it."""
    desk = Desk(SETTINGS)
    desk.connected()
    outputs = [] if kind.startswith("session") else [one for before in TALK for one in desk.receive(line(before))]
    outputs += desk.receive(text)
    outputs += desk.truncate((ItemHeard("i1", 50, 50),))
    desk.answer_tools(("c1", "x"))
    desk.cancel(None)
    for after in ("response.created", "response.done"):
        outputs += desk.receive(line(after))
    outputs += desk.later(1)
    for output in outputs:
        json.dumps(asdict(output), allow_nan=False, ensure_ascii=False, default=str).encode()
        if isinstance(output, TranscriptionUsage):
            assert 0 <= round(output.seconds * 1000) < 10**9
    for frame in desk.take_outgoing():
        frame.encode()


def test_every_message_that_we_read_is_here():
    assert set(FIELDS) == set(_PARSERS)


@pytest.mark.parametrize("kind", FIELDS)
def test_nonsense_in_any_field(kind):
    for place in places(FIELDS[kind]):
        for value in NONSENSE:
            try:
                talk(kind, line(kind, replaced(FIELDS[kind], place, value)))
            except Exception as error:
                raise AssertionError(f"{kind} {place} {value!r:.40}") from error


@pytest.mark.parametrize("expires_at", [10**400, -1, "soon", 1e308])
@pytest.mark.parametrize(
    "date", ["", "Mon", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 -0000", "\xff"]
)
def test_nonsense_about_time_makes_no_session_end(expires_at, date):
    desk = Desk(SETTINGS)
    desk.connected()
    desk.receive(line("session.updated", {"session": {**SETTINGS, "expires_at": expires_at}}))
    served_s = date_of(SimpleNamespace(response=SimpleNamespace(headers={"Date": date})))  # type: ignore[arg-type]
    renewal = Renewal(100.0, ends_s(100.0, served_s, desk.expires_at_s))
    assert not renewal.due(101.0)


def test_a_server_that_wants_us_to_wait_for_ever_is_tried_again_all_the_same():
    backoff = Backoff(lambda: 0.5)
    backoff.failed("rate_limited", 1e30, 100.0)
    assert backoff.not_before_s == 100.0 + LONGEST_S
