"""The pitfalls of the Realtime API, each provoked on a real local socket; docs/pitfalls.md lists them."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import pytest
from support.rig import CHUNK, KEY, Rig, rig

from speakerd.conversation import events as ev
from speakerd.realtime.outputs import ItemAudio, ResponseFailed, ToolsCalled
from speakerd.realtime.troubles import Trouble, trouble_of

TOOL = {"type": "function", "name": "clock", "description": "", "parameters": {"type": "object", "properties": {}}}


@asynccontextmanager
async def talk(**options):
    """A conversation that is ready."""
    async with rig(keep_warm=False, **options) as r:
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        yield r


async def begin(r: Rig, response: str = "r1") -> None:
    await r.peer.send("response.created", response={"id": response})
    assert await r.next() == ev.ResponseStarted(1, response)


async def voice(r: Rig, ms: int, response: str = "r1", item: str = "i1") -> None:
    sound = base64.b64encode(bytes(48 * ms)).decode()
    await r.peer.send("response.output_audio.delta", response_id=response, item_id=item, content_index=0, delta=sound)


async def finish(r: Rig, response: str = "r1", status: str = "completed", **extra) -> None:
    await r.peer.send("response.done", response={"id": response, "status": status, **extra})


async def error(r: Rig, code: str | None, kind: str = "invalid_request_error", **extra) -> None:
    await r.peer.send("error", error={"type": kind, "code": code, "message": "m", **extra})


async def still_lives(r: Rig) -> None:
    """The session takes sound and answers."""
    before = len(r.peer.audio)
    r.link.append_audio(CHUNK)
    await r.until(lambda: len(r.peer.audio) == before + len(CHUNK))
    await begin(r, "r_after")


@pytest.mark.parametrize("heard_ms", [500, 9_999])
async def test_01_a_truncation_is_clamped_to_what_was_received(heard_ms):
    async with talk() as r:
        await begin(r)
        await voice(r, 300)
        assert isinstance(await r.next(), ItemAudio)
        r.link.truncate((ev.ItemHeard("i1", heard_ms, heard_ms),))
        await r.until(lambda: r.peer.of_type("conversation.item.truncate"))
        assert r.peer.of_type("conversation.item.truncate")[0]["audio_end_ms"] == 300


async def test_01_a_refused_truncation_leaves_the_session_alive():
    async with talk() as r:
        await error(r, "invalid_value", message="Audio content of 300ms is already shorter than 500ms")
        await still_lives(r)


async def test_02_what_was_not_heard_is_deleted_and_what_has_no_sound_is_left_alone():
    async with talk() as r:
        await begin(r)
        await voice(r, 300)
        await r.next()
        r.link.truncate((ev.ItemHeard("tool_item", 100, 100), ev.ItemHeard("i1", 0, 300)))
        await r.until(lambda: r.peer.of_type("conversation.item.delete"))
        assert r.peer.of_type("conversation.item.delete")[0]["item_id"] == "i1"
        assert r.peer.of_type("conversation.item.truncate") == []


async def test_03_one_response_at_a_time():
    async with talk() as r:
        await begin(r)
        r.link.create_response(instructions="tea")
        await finish(r, "another")
        await still_silent(r, "response.create")
        await finish(r)
        await r.until(lambda: r.peer.of_type("response.create"))
        assert len(r.peer.of_type("response.create")) == 1


async def still_silent(r: Rig, kind: str) -> None:
    """Whatever was under way has arrived, and it was not this."""
    r.link.append_audio(CHUNK)
    before = len(r.peer.audio)
    await r.until(lambda: len(r.peer.audio) > before or r.peer.audio)
    await asyncio.sleep(0.05)
    assert r.peer.of_type(kind) == []


async def test_04_parallel_calls_are_answered_together():
    async with talk(tools=(TOOL,)) as r:
        await begin(r)
        calls = [{"type": "function_call", "call_id": c, "name": "clock", "arguments": "{}"} for c in ("c1", "c2")]
        await finish(r, output=calls)
        await r.until(lambda: r.reports)
        [told] = [report for report in r.reports if isinstance(report, ToolsCalled)]
        assert [call.call_id for call in told.calls] == ["c1", "c2"]
        r.link.answer_tools(1, [("c1", "ten"), ("c2", "eleven")])
        await r.until(lambda: r.peer.of_type("response.create"))
        assert [m["type"] for m in r.peer.heard[1:]] == ["conversation.item.create"] * 2 + ["response.create"]


MCP = {"type": "mcp", "server_label": "home", "server_url": "https://home.example.org/", "require_approval": "never"}


async def test_04_after_a_call_that_the_service_made_itself_words_are_asked_for(caplog):
    async with talk(tools=(MCP,)) as r:
        await r.peer.send("mcp_list_tools.failed", item_id="another")
        await begin(r)
        item = {"id": "m1", "type": "mcp_call", "server_label": "home", "name": "TurnOn", "arguments": "{}"}
        await r.peer.send("response.mcp_call.in_progress", item_id="m1", output_index=0)
        await finish(r, output=[item])
        assert await r.next() == ev.ToolsCalled(1, "r1", ("home",))
        assert [await r.next(), await r.next()][1] == ev.ResponseEnded(1, "r1", "completed", 0)
        await r.peer.send("response.mcp_call.completed", item_id="m1", output_index=0)
        await r.until(lambda: r.peer.of_type("response.create"))
        await still_lives(r)
    assert "no tools of the MCP server home" in caplog.text


async def test_05_a_cancel_that_came_too_late_does_no_harm():
    async with talk() as r:
        await begin(r)
        await finish(r)
        for _ in range(2):
            await r.next()
        r.link.cancel("r1")
        await error(r, "response_cancel_not_active")
        await still_lives(r)
        assert r.peer.of_type("response.cancel") == []


async def test_06_a_cancel_before_the_response_began():
    async with talk() as r:
        r.link.cancel(None)
        await r.peer.send("response.created", response={"id": "r1"})
        await voice(r, 100)
        await r.until(lambda: r.peer.of_type("response.cancel"))
        assert r.peer.of_type("response.cancel")[0]["response_id"] == "r1"
        await finish(r, status="cancelled")
        assert await r.next() == ev.ResponseEnded(1, "r1", "cancelled", 0), "not a sample of it was delivered"


@pytest.mark.parametrize("field", ["code", "type"])
@pytest.mark.parametrize("code", ["insufficient_quota", "invalid_api_key"])
async def test_09_failures_of_quota_and_key_end_the_session_with_their_name(code, field):
    async with talk() as r:
        await begin(r)
        details = {"type": "failed", "error": {"type": "x", "code": None, "message": "m", field: code}}
        await finish(r, status="failed", status_details=details)
        ended = await r.next()
        assert isinstance(ended, ev.SessionEnded)
        assert trouble_of(ended.error) in (Trouble.NO_QUOTA, Trouble.KEY_REFUSED)


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (401, {}, Trouble.KEY_REFUSED),
        (403, {}, Trouble.KEY_REFUSED),
        (404, {}, Trouble.BAD_ADDRESS),
        (404, {"code": "DeploymentNotFound"}, Trouble.MODEL_UNKNOWN),
        (400, {"code": "model_not_found"}, Trouble.MODEL_UNKNOWN),
        (429, {}, Trouble.RATE_LIMITED),
        (429, {"code": "insufficient_quota"}, Trouble.NO_QUOTA),
        (502, {"code": "upstream_key_refused", "type": "server_error"}, Trouble.KEY_REFUSED),
        (429, {"type": "insufficient_quota", "code": None}, Trouble.NO_QUOTA),
        (503, {}, Trouble.SERVER_ERROR),
    ],
)
async def test_09_refusals_at_the_door_are_told_apart(status, body, trouble):
    async with rig(keep_warm=False) as r:
        r.refuse_with, r.refusal = status, json.dumps({"error": {"message": "m", **body}})
        r.link.open(1)
        ended = await r.next()
        assert trouble_of(ended.error) is trouble
        assert ended.message


@pytest.mark.parametrize("way", ["error", "response", "close"])
async def test_09_a_service_that_repeats_a_key_does_not_get_it_into_the_journal(way):
    token = {**MCP, "authorization": "abra cadabra"}
    async with talk(tools=(token,)) as r:
        said = f"Incorrect key: {KEY}, sk-of-somebody-else, abra cadabra"
        match way:
            case "error":
                await error(r, "invalid_api_key", message=said)
            case "response":
                await begin(r)
                await finish(r, status="failed", status_details={"error": {"code": "invalid_api_key", "message": said}})
            case "close":
                await r.peer.connection.close(3000, f"invalid_api_key: {said}")
        ended = await r.next()
        assert ended.message.endswith("Incorrect key: ***, sk-***, ***")
        assert KEY not in str(r.reports)


async def test_09_a_code_in_the_reason_of_a_close_is_found():
    async with talk() as r:
        await r.peer.connection.close(3000, "invalid_request_error.invalid_api_key")
        assert trouble_of((await r.next()).error) is Trouble.KEY_REFUSED


async def test_10_late_sound_of_a_cancelled_response_is_dropped():
    async with talk() as r:
        await begin(r)
        await voice(r, 100)
        await r.next()
        r.link.cancel("r1")
        await voice(r, 100)
        await finish(r, status="cancelled")
        assert await r.next() == ev.ResponseEnded(1, "r1", "cancelled", 100)


async def test_13_nothing_is_ever_committed_by_hand():
    async with talk() as r:
        for _ in range(50):
            r.link.append_audio(CHUNK)
        r.link.create_response()
        await r.until(lambda: r.peer.of_type("response.create"))
        assert r.peer.heard[0]["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"
        assert r.peer.of_type("input_audio_buffer.commit") == []


async def test_14_a_session_that_was_not_granted_is_not_used():
    async with rig(keep_warm=False) as r:
        r.grants = {"instructions": "You are a pirate."}
        r.link.open(1)
        ended = await r.next()
        assert (ended.error, trouble_of(ended.error)) == ("session_mismatch", Trouble.REFUSED_SETTINGS)
        assert r.peer.audio == b""


async def test_15_the_server_is_told_to_forget_the_beginning_of_long_conversations():
    async with talk(history_tokens=4_000) as r:
        truncation = r.peer.heard[0]["session"]["truncation"]
        assert truncation["type"] == "retention_ratio"
        assert truncation["token_limits"] == {"post_instructions": 4_000}


async def test_16_a_frame_beyond_all_measure_ends_the_session():
    async with talk() as r:
        await r.peer.connection.send("x" * 20_000_000)
        assert (await r.next()).error == "message_too_large"


async def test_18_a_model_that_was_shut_down_has_its_name():
    async with talk() as r:
        await error(r, "model_not_found")
        assert trouble_of((await r.next()).error) is Trouble.MODEL_UNKNOWN


async def test_19_raw_type_and_code_are_kept():
    async with talk() as r:
        await begin(r)
        details = {"type": "failed", "error": {"type": "tokens", "code": "rate_limit_exceeded", "message": "in 1s"}}
        await finish(r, status="failed", status_details=details)
        await r.until(lambda: r.reports)
        [failed] = [report for report in r.reports if isinstance(report, ResponseFailed)]
        assert (failed.kind, failed.code, failed.message) == ("tokens", "rate_limit_exceeded", "in 1s")
        await r.next()
        assert (await r.next()).error == "rate_limit_exceeded"


async def test_20_tools_do_not_go_round_for_ever():
    async with talk(tools=(TOOL,), max_tool_rounds=2) as r:
        for number in range(1, 30):
            await begin(r, f"r{number}")
            call = {"type": "function_call", "call_id": f"c{number}", "name": "clock", "arguments": "{}"}
            await finish(r, f"r{number}", output=[call])
            while not isinstance(ended := await r.next(), ev.ResponseEnded):
                pass
            r.link.answer_tools(1, [(f"c{number}", "x")])
            await r.until(lambda: len(r.peer.of_type("conversation.item.create")) == number)  # noqa: B023
            if len(r.peer.of_type("response.create")) < number:
                break
        assert len(r.peer.of_type("response.create")) <= 2
        assert r.peer.of_type("response.create")[-1]["response"] == {"tool_choice": "none"}
        assert (ended.status, ended.error) == ("incomplete", "tool_rounds"), "else the user would hear nothing"
