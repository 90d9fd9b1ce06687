"""Function calls: collected, answered together, and not for ever."""

from __future__ import annotations

import pytest
from support.desk import Desk, call, created, done, server

from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.realtime.incoming import ToolCall
from speakerd.realtime.outputs import ToolsCalled, VoiceComplete
from speakerd.realtime.responses import RETRY_S
from speakerd.realtime.settings import Limits, session_settings
from speakerd.realtime.tools import MAX_RESPONSES, UNANSWERED, UNWANTED

CLOCK = {"type": "function", "name": "clock", "description": "", "parameters": {"type": "object", "properties": {}}}
SETTINGS = session_settings(Realtime(), tools=[CLOCK])
CREATE = {"type": "response.create"}
STOPPED = server("input_audio_buffer.speech_stopped")


def output(call_id: str, text: str) -> dict:
    return {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": call_id, "output": text},
    }


@pytest.fixture
def desk() -> Desk:
    return Desk.ready(SETTINGS)


def test_parallel_calls_are_told_together_and_answered_with_one_response(desk):
    desk.receive(created())
    outputs = desk.receive(done(output=[call("c1"), call("c2", "add", '{"a":1}')]))
    calls = (ToolCall("c1", "clock", "{}"), ToolCall("c2", "add", '{"a":1}'))
    assert outputs == [
        ToolsCalled(1, "r1", calls),
        VoiceComplete(),
        ev.ResponseEnded(1, "r1", "completed", 0),
    ]
    assert not desk.at_rest
    desk.answer_tools(("c2", "3"), ("c1", "ten"))
    assert desk.sent() == [output("c1", "ten"), output("c2", "3"), CREATE]


def test_a_server_that_tells_calls_only_as_they_come_is_understood(desk):
    desk.receive(created())
    arguments = server(
        "response.function_call_arguments.done", response_id="r1", call_id="c1", item_id="i", arguments="{}"
    )
    desk.say(arguments, server("response.output_item.done", response_id="r1", item=call("c1")))
    assert desk.receive(done())[0] == ToolsCalled(1, "r1", (ToolCall("c1", "clock", "{}"),))


def test_calls_of_responses_that_never_end_are_bounded(desk):
    for number in range(100):
        arguments = {"response_id": f"r{number}", "call_id": "c1", "item_id": "i", "arguments": "{}"}
        desk.receive(server("response.function_call_arguments.done", **arguments))
    assert len(desk._tools._gathered) == MAX_RESPONSES


def test_a_call_that_nobody_answers_is_answered_all_the_same(desk):
    desk.say(created(), done(output=[call("c1"), call("c2")]))
    desk.answer_tools(("c1", "ten"), ("c9", "unasked"))
    assert desk.sent() == [output("c1", "ten"), output("c2", UNANSWERED), CREATE]


def test_answers_that_nobody_waits_for_are_not_sent(desk):
    desk.answer_tools(("c1", "ten"))
    assert desk.sent() == []
    assert desk.counts["answer_unasked"] == 1


@pytest.mark.parametrize("status", ["cancelled", "incomplete", "failed"])
def test_calls_of_a_response_that_was_not_completed_are_not_made(desk, status):
    desk.receive(created())
    outputs = desk.receive(done(status=status, output=[call("c1")]))
    assert not [one for one in outputs if isinstance(one, ToolsCalled)]


def test_calls_of_a_response_that_nobody_wants_are_answered_before_another_is_asked_for(desk):
    """As huggingface/speech-to-speech wants it, which answers turns by itself though it was asked not to."""
    desk.create_response()
    desk.say(STOPPED, created("r1"), done("r1", output=[call("c1")]), created("r2"))
    desk.answer_tools(("c1", "ten"))
    create, cancel, first = desk.sent()
    assert (create["type"], cancel["type"], first) == ("response.create", "response.cancel", output("c1", "ten"))
    desk.receive(done("r2", output=[call("c2")]))
    assert desk.sent() == [output("c2", UNWANTED), CREATE]
    assert desk.counts["call_unwanted"] == 1


def test_a_request_before_all_calls_have_their_answers_is_made_again(desk):
    desk.say(created(), done(output=[call("c1")]))
    desk.answer_tools(("c1", "ten"))
    desk.sent()
    error = {"type": "function_call_output_pending", "code": None, "message": "m", "event_id": "create_1"}
    assert desk.receive(server("error", error=error)) == []
    desk.later(RETRY_S)
    assert desk.sent() == [CREATE]


def test_after_the_user_has_spoken_the_answer_to_calls_asks_for_nothing(desk):
    desk.say(created(), done(output=[call("c1")]), STOPPED)
    desk.answer_tools(("c1", "ten"))
    assert desk.sent() == [output("c1", "ten")]


SLOW_AND_QUICK = (created(), done(output=[call("slow")]), STOPPED, created("r2"), done("r2", output=[call("quick")]))


def test_of_two_turns_calls_the_older_ones_answer_is_not_that_of_the_newer_ones(desk):
    desk.say(*SLOW_AND_QUICK)
    desk.answer_tools(("slow", "done"))
    assert desk.sent() == [output("slow", "done")]
    assert not desk.at_rest
    desk.answer_tools(("quick", "ten"))
    assert desk.sent() == [output("quick", "ten"), CREATE]


def test_of_two_turns_calls_the_older_ones_hold_up_no_answer(desk):
    desk.say(*SLOW_AND_QUICK)
    desk.answer_tools(("quick", "ten"))
    assert desk.sent() == [output("slow", UNANSWERED), output("quick", "ten"), CREATE]
    desk.answer_tools(("slow", "done"))
    assert desk.sent() == []


def test_while_the_user_speaks_the_answer_to_calls_asks_for_nothing(desk):
    desk.say(created(), done(output=[call("c1")]), server("input_audio_buffer.speech_started", audio_start_ms=0))
    desk.answer_tools(("c1", "ten"))
    assert desk.sent() == [output("c1", "ten")]


def test_an_answer_that_nobody_wants_to_hear_is_given_and_not_asked_for(desk):
    desk.say(created(), done(output=[call("c1")]))
    desk.cancel(None)  # the wake word was said meanwhile
    desk.answer_tools(("c1", "ten"))
    assert desk.sent() == [output("c1", "ten")]
    desk.say(STOPPED, created("r2"), done("r2", output=[call("c2")]))
    desk.answer_tools(("c2", "ten"))
    assert desk.sent() == [output("c2", "ten"), CREATE]


def test_an_answer_without_a_reply_asks_for_nothing(desk):
    desk.say(created(), done(output=[call("c1")]))
    desk.answer_tools(("c1", "bye"), reply=False)
    assert desk.sent() == [output("c1", "bye")]
    assert desk.at_rest


def test_rounds_are_bounded():
    desk = Desk.ready(SETTINGS, limits=Limits(tool_rounds=3))
    for number in range(1, 4):
        [told, *_] = desk.say(created(f"r{number}"), done(f"r{number}", output=[call(f"c{number}")]))[1:]
        assert told.last_round is (number == 3)
        desk.answer_tools((f"c{number}", "x"))
        create = {**CREATE, "response": {"tool_choice": "none"}} if number == 3 else CREATE
        assert desk.sent()[1] == create
    # It calls on all the same: answered, and not asked again.
    outputs = desk.say(created("r4"), done("r4", output=[call("c4")]))
    assert not [one for one in outputs if isinstance(one, ToolsCalled)]
    [said] = desk.sent()
    assert "too many" in said["item"]["output"]
    # The next turn begins anew.
    desk.receive(STOPPED)
    assert desk.say(created("r5"), done("r5", output=[call("c5")]))[1].last_round is False


def test_half_a_character_in_an_output_does_no_harm(desk):
    desk.say(created(), done(output=[call("c1")]))
    desk.answer_tools(("c1", "\ud83d"))
    assert all(text.encode() for text in desk.take_outgoing())


def test_half_a_character_in_the_session_does_no_harm():
    """A plug-in's docstring may hold it."""
    desk = Desk(session_settings(Realtime(), tools=[{**CLOCK, "description": "\ud83d"}]))
    desk.connected()
    assert all(text.encode() for text in desk.take_outgoing())


def test_a_server_that_lost_the_tools_is_not_used():
    granted = {**SETTINGS, "tools": []}
    desk = Desk(SETTINGS)
    desk.connected()
    assert desk.receive(server("session.updated", session=granted))[0].code == "session_mismatch"


def test_a_server_that_adds_to_a_tool_is(desk):
    granted = {**SETTINGS, "tools": [{**CLOCK, "strict": False, "description": None}]}
    desk = Desk(SETTINGS)
    desk.connected()
    assert desk.receive(server("session.updated", session=granted)) == [ev.SessionReady(1)]
