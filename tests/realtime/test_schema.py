"""Every message that we can send is valid by the published schema, over configurations and dialogues.

The same dialogues hold the protocol to its promises: see `Promises`.
"""

from __future__ import annotations

import base64
import inspect
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.desk import Desk, call, created, delta, done, server
from support.schema import assert_valid

from speakerd.config.model import McpServer, Realtime, Skills, TurnDetection
from speakerd.conversation.events import ItemHeard
from speakerd.realtime import outgoing
from speakerd.realtime.outputs import Fatal
from speakerd.realtime.settings import Limits, session_settings
from speakerd.skills.assembly import assemble
from speakerd.skills.mcp import session_tools
from speakerd.skills.ports import Ports

TOOL = {
    "type": "function",
    "name": "set_volume",
    "description": "Set the volume.",
    "parameters": {"type": "object", "properties": {"percent": {"type": "integer"}}, "required": ["percent"]},
}
SOMETHING: Any = object()
OWN = tuple(assemble(Skills(), Ports(clock=datetime.now, end=lambda: None, volume=SOMETHING, purse=SOMETHING)).tools())
"""The functions that come with speakerd, as the daemon offers them."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
configs = st.builds(
    Realtime,
    instructions=texts,
    voice=st.sampled_from(["marin", "cedar", "alloy", "voice_of_my_own"]),
    noise_reduction=st.sampled_from(["near_field", "far_field", "off"]),
    transcription_model=st.sampled_from(["gpt-transcribe", "whisper-1"]),
    history_tokens=st.sampled_from([0, 500, 8_000]),
    turn_detection=st.builds(
        TurnDetection,
        threshold=st.floats(0.0, 1.0),
        prefix_padding_ms=st.integers(0, 5_000),
        silence_duration_ms=st.integers(100, 10_000),
    ),
)
mcp_servers = st.builds(
    McpServer,
    label=st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True),
    url=st.just("https://example.org/mcp"),
    description=texts,
    credential=st.sampled_from(["", "home-token"]),
    allowed_tools=st.sampled_from([(), ("turn_on",), ("turn_on", "turn_off")]),
    approval=st.sampled_from(["never", "always"]),
)
tool_lists = st.builds(
    lambda functions, servers: session_tools(list(functions), servers, {"home-token": "secret"}),
    st.sampled_from([(), (TOOL,), OWN]),
    st.lists(mcp_servers, max_size=2),
)
sessions = st.builds(
    session_settings,
    configs,
    transcripts=st.booleans(),
    tools=tool_lists,
    withhold=st.booleans(),
)

responses = st.sampled_from(["r1", "r2", "r3"])
items = st.sampled_from(["i1", "i2", "i3"])
statuses = st.sampled_from(["completed", "cancelled", "failed", "incomplete"])
errors = st.builds(
    lambda code, event_id: server("error", error={"type": "t", "code": code, "message": "m", "event_id": event_id}),
    st.sampled_from(["conversation_already_has_active_response", "response_cancel_not_active", "invalid_value", None]),
    st.sampled_from([None, "create_1", "create_2", "create_3"]),
)
remote_items = st.builds(
    lambda kind, item, output: {"type": kind, "id": item, "server_label": "home", "output": output},
    st.sampled_from(["mcp_call", "mcp_approval_request", "message"]),
    st.sampled_from(["m1", "m2"]),
    st.sampled_from([None, "on"]),
)
lines = st.one_of(
    st.sampled_from(
        [
            server("input_audio_buffer.speech_started", item_id="u"),
            server("input_audio_buffer.speech_stopped", item_id="u"),
            server("input_audio_buffer.committed", item_id="u"),
            server("rate_limits.updated", rate_limits=[{"name": "tokens", "reset_seconds": 1}]),
            server("something.new", field=1),
            "no JSON",
        ]
    ),
    st.builds(created, responses),
    st.builds(delta, st.integers(0, 400), responses, items),
    st.builds(
        lambda response, status, calls, remote: done(response, status, output=[*map(call, calls), *remote]),
        responses,
        statuses,
        st.lists(st.sampled_from(["c1", "c2", "c3"]), max_size=3),
        st.lists(remote_items, max_size=2),
    ),
    st.builds(lambda item: server("conversation.item.done", item=item), remote_items),
    st.builds(
        lambda what, item: server(f"response.{what}", item_id=item),
        st.sampled_from(["mcp_call_arguments.done", "mcp_call.in_progress", "mcp_call.completed", "mcp_call.failed"]),
        st.sampled_from(["m1", "m2"]),
    ),
    errors,
)
steps = st.one_of(
    lines.map(lambda line: ("receive", line)),
    st.builds(lambda i, a, b: ("truncate", (ItemHeard(i, a, b),)), items, st.integers(-5, 900), st.integers(0, 900)),
    st.sampled_from([None, "r1", "r2", "r9"]).map(lambda r: ("cancel", r)),
    st.builds(lambda text, tools: ("create", (text, tools)), texts, st.booleans()),
    st.builds(lambda c, text: ("answer", (c, text)), st.sampled_from(["c1", "c2", "c9"]), st.text(max_size=30)),
    st.just(("release", None)),
    st.binary(min_size=2, max_size=64).map(lambda pcm: ("sound", pcm)),
    st.builds(lambda role, text: ("remind", [(role, text)]), st.sampled_from(["user", "assistant"]), st.text()),
    st.sampled_from([0.1, 1.0, 3.0]).map(lambda s: ("later", s)),
)


def cut_reply(response: str, item: str, ms: int, heard_ms: int) -> list[tuple[str, object]]:
    """A reply over which the user speaks: too long a way for single steps by chance."""
    return [
        ("receive", created(response)),
        ("receive", delta(ms, response, item)),
        ("cancel", response),
        ("truncate", (ItemHeard(item, heard_ms, ms),)),
    ]


dialogues = st.lists(
    st.one_of(
        steps.map(lambda step: [step]),
        steps.map(lambda step: [step]),
        st.builds(cut_reply, responses, items, st.integers(0, 400), st.sampled_from([-5, 0, 1, 200, 900])),
    ),
    max_size=40,
).map(lambda scenes: [step for scene in scenes for step in scene])


MAX_FRAMES = 3_000


class Promises:
    """What is true of all that we send, whatever the server does."""

    kinds: ClassVar[Counter[str]] = Counter()
    """Of all messages of all dialogues."""
    frames: ClassVar[set[str]] = set()
    """Some of them."""

    def __init__(self) -> None:
        self.in_flight = False
        self.running: str | None = None
        self.begun: set[str] = set()
        self.received: dict[str, int] = {}

    def hear(self, line: str) -> None:
        """What the server said; taken before the protocol hears it."""
        try:
            message = json.loads(line)
        except ValueError:
            return
        match message["type"]:
            case "response.created":
                self.begun.add(message["response"]["id"])
            case "response.output_audio.delta":
                size = len(base64.b64decode(message["delta"]))
                self.received[message["item_id"]] = self.received.get(message["item_id"], 0) + size

    def check(self, desk: Desk) -> None:
        """All that is to be sent now."""
        for text in desk.take_outgoing():
            assert_valid(text)
            if len(self.frames) < MAX_FRAMES:
                self.frames.add(text)
            message = json.loads(text)
            self.kinds[message["type"]] += 1
            match message["type"]:
                case "response.cancel":
                    assert message["response_id"] in self.begun, "a cancel of what never began"
                case "conversation.item.truncate":
                    received_ms = self.received[message["item_id"]] // 48
                    assert 0 < message["audio_end_ms"] <= received_ms
                case "response.create":
                    assert desk._responses.active is None, "a request while a response runs"


@settings(max_examples=400, deadline=None)
@given(sessions, dialogues)
def test_dialogues(session, dialogue):
    desk, promises = Desk(session, limits=Limits(tool_rounds=2)), Promises()
    desk.connected()
    promises.check(desk)
    desk.receive(server("session.updated", session=session))
    for name, value in dialogue:
        outputs = []
        match name:
            case "receive":
                promises.hear(value)
                outputs = desk.receive(value)
            case "truncate":
                outputs = desk.truncate(value)
            case "cancel":
                desk.cancel(value)
            case "create":
                desk.create_response(instructions=value[0], tools=value[1])
            case "answer":
                desk.answer_tools(value)
            case "release":
                desk.release_responses()
            case "sound":
                desk.append_audio(value)
            case "remind":
                desk.remind(value)
            case "later":
                outputs = desk.later(value)
        promises.check(desk)
        if any(isinstance(output, Fatal) for output in outputs):
            return
    # Left alone, nothing stays under way for ever: not a request, not a cancelled response.
    over = any(isinstance(output, Fatal) for output in desk.later(100))
    promises.check(desk)
    responses = desk._responses
    assert over or not responses.waiting
    assert over or responses.active is None or not responses.active.cancelled
    assert over or desk.deadline_s is None


def test_the_dialogues_held_every_kind_of_message_that_we_can_make():
    possible = set(re.findall(r'_dump\("([a-z_.]+)"', inspect.getsource(outgoing)))
    assert len(possible) == 7
    for _ in range(5):  # they are random, and this test may run alone
        if possible - set(Promises.kinds):
            test_dialogues()
    assert set(Promises.kinds) == possible


def test_the_validator_beside_the_checkout_agrees(shared, tmp_path):
    if len(Promises.frames) < 200:
        test_dialogues()
    capture = tmp_path / "capture.jsonl"
    lines = (f'{{"direction": "client", "event": {text}}}\n' for text in sorted(Promises.frames))
    capture.write_text("".join(lines), "utf-8")

    def judge() -> subprocess.CompletedProcess[str]:
        program = shared / "rig" / "realtime" / "validate_events.py"
        return subprocess.run([sys.executable, program, capture], capture_output=True, text=True, check=False)

    verdict = judge()
    assert verdict.returncode == 0, verdict.stdout
    assert f"{len(Promises.frames)} events" in verdict.stdout
    with capture.open("a") as file:
        file.write('{"direction": "client", "event": {"type": "response.cancel", "reason": "x"}}\n')
    assert judge().returncode == 1, "it can say no"


@pytest.mark.parametrize(
    "text",
    [
        outgoing.audio_append(b"\0\1" * 480),
        outgoing.response_create({}, "create_1"),
        outgoing.response_cancel("resp_1"),
        outgoing.item_truncate("item_1", 0, 640),
        outgoing.item_delete("item_1"),
        outgoing.message_item("system", "x"),
        outgoing.tool_output("call_1", "{}"),
        outgoing.refusal("mcpr_0123456789abcdef0123456789abcdef"),
    ],
)
def test_each_message(text):
    assert_valid(text)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "response.cancel", "response_id": "r", "reason": "x"},
        {"type": "response.create", "response": {"tool_choise": "none"}},
        {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detektion": None}}}},
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [{"texd": "x"}]}},
    ],
)
def test_the_check_finds_fields_that_nobody_knows(message):
    with pytest.raises((AssertionError, ValidationError)):
        assert_valid(json.dumps(message))


@pytest.mark.parametrize(
    "message",
    [
        {"type": "response.cancelled"},
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": "0", "audio_end_ms": 5},
        {"type": "session.update"},
    ],
)
def test_the_check_finds_wrong_types_and_missing_fields(message):
    with pytest.raises(ValidationError):
        assert_valid(json.dumps(message))
