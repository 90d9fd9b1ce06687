"""Tools of MCP servers, which the service calls itself: whatever it does afterwards, the user hears what came of it."""

from __future__ import annotations

import json

import pytest
from support.desk import Desk, call, created, delta, done, server
from support.schema import assert_valid

from speakerd.config.model import McpServer, Realtime
from speakerd.conversation import events as ev
from speakerd.realtime.outputs import NoTools
from speakerd.realtime.remote import ANY_SERVER
from speakerd.realtime.settings import Limits, session_settings
from speakerd.skills.mcp import session_tools

HOME = McpServer(label="home", url="https://home.example.org/api/mcp", approval="always")
SETTINGS = session_settings(Realtime(), tools=session_tools([], [HOME]))
CREATE = {"type": "response.create"}
WORDS = {"id": "m1", "type": "message", "role": "assistant"}
TURN = (
    server("input_audio_buffer.speech_started"),
    server("input_audio_buffer.speech_stopped"),
    server("input_audio_buffer.committed", item_id="u1"),
)


def mcp_call(item: str = "mcp_1", output: str | None = None, label: str = "home", **more: object) -> dict:
    return {
        "id": item,
        "type": "mcp_call",
        "server_label": label,
        "name": "TurnOn",
        "arguments": "{}",
        "output": output,
        **more,
    }


def question(item: str = "mcpr_1") -> dict:
    return {
        "id": item,
        "type": "mcp_approval_request",
        "server_label": "home",
        "name": "TurnOn",
        "arguments": "{}",
    }


def asks(item: str = "mcp_1") -> str:
    return server("response.mcp_call_arguments.done", response_id="r1", item_id=item, output_index=0, arguments="{}")


def over(item: str = "mcp_1", how: str = "completed") -> str:
    return server(f"response.mcp_call.{how}", item_id=item, output_index=0)


@pytest.fixture
def desk() -> Desk:
    desk = Desk.ready(SETTINGS, limits=Limits(tool_rounds=2))
    desk.say(*TURN, created("r1"), asks())
    assert desk.sent() == []
    return desk


def events(outputs: list) -> list:
    return [one for one in outputs if isinstance(one, ev.ToolsCalled | ev.ResponseEnded | ev.ResponseStarted)]


CALLED = [ev.ToolsCalled(1, "r1", ("home",)), ev.ResponseEnded(1, "r1", "completed", 0)]


@pytest.mark.parametrize("how", ["completed", "failed"])
def test_words_are_asked_for_when_a_response_is_over_before_its_call(desk, how):
    assert events(desk.receive(done("r1", output=[mcp_call()]))) == CALLED, "the user's turn is not answered yet"
    assert desk.sent() == []
    assert not desk.at_rest
    desk.receive(over(how=how))
    desk.receive(server("conversation.item.done", item=mcp_call(output="on")))
    assert desk.sent() == [CREATE], "once"
    assert events(desk.receive(created("r2"))) == [ev.ResponseStarted(1, "r2")]
    desk.receive(delta(100, "r2"))
    assert events(desk.receive(done("r2", output=[WORDS]))) == [ev.ResponseEnded(1, "r2", "completed", 100)]
    assert desk.at_rest


def test_words_are_asked_for_when_the_call_was_over_first(desk):
    desk.receive(over())
    assert desk.sent() == [], "a response runs"
    assert events(desk.receive(done("r1", output=[WORDS, mcp_call(output="on")]))) == CALLED
    assert desk.sent() == [CREATE]


def test_a_service_that_tells_the_end_by_the_item_alone_is_understood(desk):
    desk.receive(done("r1", output=[mcp_call()]))
    desk.receive(server("response.output_item.done", response_id="r1", item=mcp_call(error={"type": "http_error"})))
    assert desk.sent() == [CREATE]


def test_a_service_whose_response_lists_nothing_is_understood(desk):
    assert events(desk.receive(done("r1", output=[])))[0] == ev.ToolsCalled(1, "r1", (ANY_SERVER,))
    desk.receive(over())
    assert desk.sent() == [CREATE]


def test_the_name_of_a_server_that_was_never_offered_is_not_told(desk):
    outputs = desk.receive(done("r1", output=[mcp_call(label="\x1b[2J")]))
    assert events(outputs)[0] == ev.ToolsCalled(1, "r1", (ANY_SERVER,))


def test_a_service_that_goes_on_in_the_same_response_is_asked_for_nothing(desk):
    desk.say(over(), delta(100, "r1"))
    ended = events(desk.receive(done("r1", output=[mcp_call(output="on"), WORDS])))
    assert ended == [ev.ResponseEnded(1, "r1", "completed", 100)]
    assert desk.sent() == []
    assert desk.at_rest


def test_a_service_that_begins_another_response_by_itself_is_heard_and_not_asked(desk):
    desk.receive(done("r1", output=[mcp_call()]))
    assert events(desk.receive(created("r2"))) == [ev.ResponseStarted(1, "r2")], "no orphan"
    desk.say(over(), delta(100, "r2"), done("r2", output=[WORDS]))
    assert desk.sent() == []
    assert desk.receive(created("r3")) == [], "but a third answer to one turn is one"


def test_a_service_that_is_quicker_than_our_request_refuses_it_without_harm(desk):
    desk.say(done("r1", output=[mcp_call()]), over(), created("r2"))
    assert desk.sent() == [CREATE]
    busy = {"type": "invalid_request_error", "code": "conversation_already_has_active_response", "message": ""}
    assert desk.receive(server("error", error={**busy, "event_id": "create_1"})) == []
    desk.say(delta(100, "r2"), done("r2", output=[WORDS]))
    assert desk.sent() == []


def test_several_calls_are_waited_for(desk):
    desk.receive(asks("mcp_2"))
    desk.receive(done("r1", output=[mcp_call(), mcp_call("mcp_2")]))
    desk.receive(over("mcp_2"))
    assert desk.sent() == []
    desk.receive(over())
    assert desk.sent() == [CREATE]


@pytest.mark.parametrize("first", ["question", "done"])
def test_who_asks_for_leave_is_told_no_and_the_user_hears_of_it(desk, first):
    item, ended = server("conversation.item.added", item=question()), done("r1", output=[question()])
    desk.say(*((item, ended) if first == "question" else (ended, item)))
    desk.receive(server("conversation.item.done", item=question()))
    frames = desk.take_outgoing()
    for frame in frames:
        assert_valid(frame)
    refusal, create = map(json.loads, frames)
    assert (refusal["item"]["type"], refusal["item"]["approve"]) == ("mcp_approval_response", False)
    assert refusal["item"]["approval_request_id"] == "mcpr_1"
    assert create["type"] == "response.create"


def test_a_user_who_goes_on_meanwhile_is_answered_instead(desk):
    desk.receive(done("r1", output=[mcp_call()]))
    desk.say(*TURN, over())
    assert desk.sent() == []
    assert desk.receive(created("r2")) == [ev.ResponseStarted(1, "r2")]


def test_what_was_cancelled_is_not_asked_for(desk):
    desk.receive(done("r1", output=[mcp_call()]))
    desk.cancel(None)
    desk.receive(over())
    assert desk.sent() == []


def test_functions_of_ours_beside_it_bring_the_words(desk):
    desk.receive(done("r1", output=[mcp_call(), call("c1")]))
    desk.receive(over())
    assert desk.sent() == []
    desk.answer_tools(("c1", "ten"))
    assert [message["type"] for message in desk.sent()] == ["conversation.item.create", "response.create"]


def test_nor_if_the_call_takes_longer_than_they_do(desk):
    desk.say(done("r1", output=[mcp_call(), call("c1")]))
    desk.answer_tools(("c1", "ten"))
    desk.say(created("r2"), delta(100, "r2"), done("r2", output=[WORDS]))
    desk.sent()
    desk.receive(over())
    assert desk.sent() == []


def test_a_server_whose_tools_the_service_cannot_have_is_named(desk):
    listing = {"id": "mcpl_1", "type": "mcp_list_tools", "server_label": "home", "tools": []}
    assert desk.receive(server("conversation.item.added", item=listing)) == []
    assert desk.receive(server("mcp_list_tools.failed", item_id="mcpl_1")) == [NoTools("home")]
    assert desk.receive(server("mcp_list_tools.failed", item_id="mcpl_9")) == [NoTools("home")], "there is no other"


def test_with_several_servers_none_is_accused_by_guess():
    two = [HOME, McpServer(label="weather", url="https://weather.example.org/")]
    desk = Desk.ready(session_settings(Realtime(), tools=session_tools([], two)))
    assert desk.receive(server("mcp_list_tools.failed", item_id="mcpl_9")) == [NoTools(ANY_SERVER)]


def test_not_for_ever(desk):
    for number in (1, 2):
        desk.say(asks(f"mcp_{number}"), done(f"r{number}", output=[mcp_call(f"mcp_{number}")]), over(f"mcp_{number}"))
        body = {"response": {"tool_choice": "none"}} if number == 2 else {}
        assert desk.sent() == [{**CREATE, **body}]
        desk.receive(created(f"r{number + 1}"))
    ended = events(desk.receive(done("r3", output=[mcp_call("mcp_3")])))
    assert ended == [ev.ResponseEnded(1, "r3", "incomplete", 0, "tool_rounds")], "which is told to the user"
    desk.receive(over("mcp_3"))
    assert desk.sent() == []
