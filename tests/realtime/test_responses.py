"""One response at a time: asking, refusals, orphans, and servers that never answer."""

from __future__ import annotations

import pytest
from support.desk import Desk, created, delta, done, server

from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.realtime.outputs import Fatal, ResponseFailed
from speakerd.realtime.responses import CANCEL_S, MAX_REFUSALS, RETRY_S
from speakerd.realtime.settings import session_settings
from speakerd.realtime.troubles import Trouble

SETTINGS = session_settings(Realtime())
CREATE = {"type": "response.create"}
COMMITTED = server("input_audio_buffer.committed", item_id="u1")


def cancel_of(response: str) -> dict:
    return {"type": "response.cancel", "response_id": response}


def running(event_id: str | None = None) -> str:
    error = {"type": "invalid_request_error", "code": "conversation_already_has_active_response", "message": "m"}
    return server("error", error={**error, "event_id": event_id})


@pytest.fixture
def desk() -> Desk:
    return Desk.ready(SETTINGS)


def test_a_request_waits_for_the_end_of_the_response_that_runs(desk):
    desk.receive(created("r1"))
    desk.create_response()
    desk.create_response(instructions="Say that the tea is ready.", tools=False)
    assert desk.sent() == []
    desk.receive(done("r0"))
    assert desk.sent() == [], "the end of another response sets nothing free"
    desk.receive(done("r1"))
    assert desk.sent() == [CREATE]
    desk.receive(created("r2"))
    desk.receive(done("r2"))
    body = {"instructions": "Say that the tea is ready.", "tool_choice": "none"}
    assert desk.sent() == [{**CREATE, "response": body}]


def test_a_second_request_waits_although_the_first_has_not_begun(desk):
    desk.create_response()
    desk.create_response()
    assert desk.sent() == [CREATE]


def test_a_request_that_the_server_overtook_is_made_again(desk):
    desk.create_response(instructions="tea")
    desk.receive(created("r1"))  # the server's own, of turn detection
    desk.sent()
    desk.receive(running("create_1"))
    assert desk.sent() == []
    desk.receive(done("r1"))
    assert desk.sent() == [{**CREATE, "response": {"instructions": "tea"}}]


def test_a_server_that_speaks_of_a_response_we_know_nothing_of_is_asked_again_later(desk):
    desk.create_response()
    for _ in range(MAX_REFUSALS):
        assert desk.sent() == [CREATE]
        assert desk.receive(running()) == []
        assert desk.sent() == []
        desk.later(RETRY_S)
    desk.sent()
    failed, ended = desk.receive(running())
    assert ended == ev.ResponseEnded(1, "", "failed", 0, "conversation_already_has_active_response")
    assert (failed.trouble, failed.code) == (Trouble.SERVER_ERROR, "conversation_already_has_active_response")
    assert desk.later(100) == []
    assert desk.sent() == []


def test_a_request_that_is_refused_for_what_it_says_is_told_and_nobody_waits_for_it(desk):
    desk.create_response()
    error = {"type": "invalid_request_error", "code": "invalid_value", "message": "m", "event_id": "create_1"}
    assert desk.receive(server("error", error=error)) == [
        ResponseFailed(1, "", Trouble.REFUSED_SETTINGS, "invalid_value", "invalid_request_error", "m"),
        ev.ResponseEnded(1, "", "failed", 0, "invalid_request_error"),
    ]
    desk.create_response()
    assert desk.sent() == [CREATE, CREATE], "the queue goes on"


def test_a_cancel_before_the_response_began_catches_it_when_it_appears(desk):
    desk.create_response()
    desk.cancel(None)
    assert desk.receive(created("r1")) == []
    assert desk.sent() == [CREATE, cancel_of("r1")]
    assert desk.receive(delta(100, "r1")) == []
    desk.create_response()
    desk.receive(done("r1", status="cancelled"))
    assert desk.sent() == [CREATE]
    assert desk.receive(created("r2")) == [ev.ResponseStarted(1, "r2")], "only one orphan"


def test_a_cancel_of_whatever_is_about_to_begin_empties_the_queue(desk):
    desk.receive(created("r1"))
    desk.create_response()
    desk.cancel(None)
    desk.receive(done("r1", status="cancelled"))
    assert desk.sent() == [cancel_of("r1")]


def test_a_cancel_that_is_never_answered_does_not_block_for_ever(desk):
    desk.receive(created("r1"))
    desk.receive(delta(300))
    desk.cancel("r1")
    desk.create_response()
    assert desk.sent() == [cancel_of("r1")]
    assert desk.later(CANCEL_S) == [ev.ResponseEnded(1, "r1", "cancelled", 300)]
    assert desk.sent() == [CREATE]
    assert desk.receive(delta(300)) == []
    assert desk.receive(done("r1", status="cancelled")) == []
    assert desk.counts["late_delta"] == 1


def test_a_proxy_that_asks_as_well_brings_no_second_answer(desk):
    """LiteLLM asks for a response when a transcript is complete, beside the server's own turn detection."""
    desk.receive(COMMITTED)
    assert desk.receive(created("r1")) == [ev.ResponseStarted(1, "r1")]
    desk.receive(running())  # the proxy's request came too early
    desk.receive(done("r1"))
    assert desk.sent() == [], "the turn has its answer"
    assert desk.receive(created("r2")) == []  # or after the answer
    assert desk.receive(delta(100, "r2")) == []
    assert desk.sent() == [cancel_of("r2")]
    desk.receive(done("r2", status="cancelled"))
    desk.receive(COMMITTED)
    assert desk.receive(created("r3")) == [ev.ResponseStarted(1, "r3")]


def test_a_second_response_to_a_turn_does_not_cut_off_the_first(desk):
    desk.receive(COMMITTED)
    desk.receive(created("r1"))
    assert desk.receive(created("r2")) == []
    assert desk.sent() == [cancel_of("r2")]
    assert desk.receive(delta(100, "r2")) == []
    assert desk.receive(delta(100, "r1"))
    assert desk.receive(done("r2", status="cancelled")) == []
    assert desk.receive(done("r1"))[-1] == ev.ResponseEnded(1, "r1", "completed", 100)


def test_a_server_may_try_again_after_a_failure(desk):
    desk.receive(COMMITTED)
    desk.receive(created("r1"))
    desk.receive(done("r1", status="failed"))
    assert desk.receive(created("r2")) == [ev.ResponseStarted(1, "r2")]


def test_what_the_server_could_not_begin_for_a_turn_is_asked_for(desk):
    desk.receive(COMMITTED)
    desk.receive(created("r1"))
    desk.receive(COMMITTED)  # the user spoke again
    desk.receive(running())
    assert desk.sent() == []
    desk.receive(done("r1"))
    assert desk.sent() == [CREATE]


def test_of_two_responses_at_once_the_newer_is_heard(desk):
    desk.receive(created("r1"))
    assert desk.receive(created("r2")) == [ev.ResponseStarted(1, "r2")]
    assert desk.sent() == [cancel_of("r1")]
    assert desk.receive(delta(100, "r1")) == []
    assert desk.receive(done("r1")) == []
    assert desk.receive(done("r2"))[-1] == ev.ResponseEnded(1, "r2", "completed", 0)


def test_a_failure_without_a_beginning_is_the_answer(desk):
    """Quota and rate limits may strike before `response.created`."""
    desk.receive(COMMITTED)
    details = {"type": "failed", "error": {"type": "server_error", "code": "rate_limit_exceeded", "message": "m"}}
    outputs = desk.receive(done("r1", status="failed", status_details=details))
    assert [type(one).__name__ for one in outputs] == ["ResponseFailed", "VoiceComplete", "ResponseEnded"]
    assert outputs[-1].response_id == outputs[0].response_id == "", "nobody has heard of it: it is the awaited one"
    assert outputs[0].trouble is Trouble.RATE_LIMITED
    assert desk.at_rest


@pytest.mark.parametrize(
    ("status", "details", "trouble"),
    [
        ("failed", {"error": {"code": "rate_limit_exceeded", "type": "tokens"}}, Trouble.RATE_LIMITED),
        ("failed", {"error": {"code": None, "type": "rate_limit_exceeded"}}, Trouble.RATE_LIMITED),
        ("failed", {"error": {"code": "server_error", "type": "server_error"}}, Trouble.SERVER_ERROR),
        ("failed", {}, Trouble.SERVER_ERROR),
        ("incomplete", {"reason": "content_filter"}, Trouble.CONTENT_FILTERED),
        ("incomplete", {"reason": "max_output_tokens"}, Trouble.CUT_SHORT),
    ],
)
def test_failures_are_told_apart(desk, status, details, trouble):
    desk.receive(created())
    outputs = desk.receive(done(status=status, status_details={"type": status, **details}))
    [failed] = [one for one in outputs if isinstance(one, ResponseFailed)]
    assert failed.trouble is trouble
    assert desk.receive(created("r2")) == [ev.ResponseStarted(1, "r2")], "the session lives on"


def test_a_cancelled_response_did_not_fail(desk):
    desk.receive(created())
    details = {"type": "cancelled", "reason": "turn_detected"}
    outputs = desk.receive(done(status="cancelled", status_details=details))
    assert outputs[-1] == ev.ResponseEnded(1, "r1", "cancelled", 0, "turn_detected")
    assert not [one for one in outputs if isinstance(one, ResponseFailed)]


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("code", ["rate_limit_exceeded", "server_error"])
def test_an_error_in_the_place_of_an_answer_ends_the_waiting(desk, code, asked):
    if asked:
        desk.create_response()
    else:
        desk.receive(COMMITTED)
    error = server("error", error={"type": code, "code": None, "message": "m"})
    assert desk.receive(error)[-1] == ev.ResponseEnded(1, "", "failed", 0, code)
    assert desk.deadline_s is None, "nothing is due any more"
    assert desk.receive(error) == [], "nor was it"
    assert desk.receive(created()) == [ev.ResponseStarted(1, "r1")], "if it comes all the same it is heard"


def test_an_error_about_something_else_is_no_answer(desk):
    desk.receive(COMMITTED)
    for code, event_id in (("invalid_value", None), ("server_error", "event_9"), ("a_code_of_the_future", None)):
        error = {"type": "x", "code": code, "message": "m", "event_id": event_id}
        assert desk.receive(server("error", error=error)) == []


@pytest.mark.parametrize("code", ["authentication_error", "permission_error", "billing_hard_limit_reached"])
def test_what_no_other_try_can_mend_ends_the_session(desk, code):
    assert desk.receive(server("error", error={"type": code, "code": None, "message": "m"})) == [Fatal(code, "m")]


def test_the_time_to_wait_comes_from_the_message_or_else_from_the_limits(desk):
    limits = [{"name": "requests", "reset_seconds": 0.2}, {"name": "tokens", "reset_seconds": 7.5}]
    desk.receive(server("rate_limits.updated", rate_limits=limits))
    for message, wait_s in (("Limit reached.", 7.5), ("Please try again in 1.2s.", 1.2)):
        desk.receive(created())
        details = {"type": "failed", "error": {"code": "rate_limit_exceeded", "type": "tokens", "message": message}}
        assert desk.receive(done(status="failed", status_details=details))[0].retry_after_s == wait_s
    desk.receive(created())
    details["error"]["code"] = "inference_rate_limit_exceeded"
    assert desk.receive(done(status="failed", status_details=details))[-1].retry_after_s == 1.2, "for the next session"


# ------------------------------------------------------------ silence


def test_a_server_that_owes_an_answer_and_says_nothing_is_probed_and_then_given_up(desk):
    desk.receive(COMMITTED)
    assert desk.later(6) == []
    [probe] = desk.sent()
    assert probe["type"] == "session.update"
    assert "voice" not in probe["session"]["audio"]["output"]
    assert desk.later(5.9) == []
    assert desk.later(0.2) == [Fatal("server_silent", "the server does not answer")]


def test_a_server_that_answers_the_probe_has_all_the_time_that_it_wants(desk):
    desk.receive(COMMITTED)
    for _ in range(10):
        assert desk.later(6) == []
        [probe] = desk.sent()
        assert desk.receive(server("session.updated", session=probe["session"])) == []
    assert desk.receive(created()) == [ev.ResponseStarted(1, "r1")]
    assert desk.deadline_s is None


def test_no_silence_is_too_long_while_nothing_is_due(desk):
    assert desk.deadline_s is None
    desk.receive(created())
    assert desk.deadline_s is None, "how long an answer may take the conversation decides"


def test_a_session_that_is_never_agreed_is_given_up():
    desk = Desk(SETTINGS)
    desk.connected()
    assert desk.later(12) == [Fatal("server_silent", "the server does not answer")]


def test_a_response_that_was_asked_for_and_never_begins_is_told(desk):
    desk.create_response()
    for _ in range(5):
        desk.later(2)
        desk.receive(server("conversation.item.added", item={}))  # it lives, but does nothing
    outputs = desk.later(2)
    assert [one.code for one in outputs if isinstance(one, ResponseFailed)] == ["response_not_started"]
    assert outputs[-1] == ev.ResponseEnded(1, "", "failed", 0, "response_not_started")


# ------------------------------------------------------------ no answer before words were heard here


def test_a_withheld_session_answers_nobody():
    settings = session_settings(Realtime(), withhold=True)
    assert settings["audio"]["input"]["turn_detection"]["create_response"] is False
    desk = Desk.ready(settings)
    desk.say(server("input_audio_buffer.speech_stopped"), COMMITTED)
    assert desk.sent() == []
    assert desk.deadline_s is None, "nothing is due"


def test_a_turn_that_waits_is_answered_when_words_were_heard():
    desk = Desk.ready(session_settings(Realtime(), withhold=True))
    desk.receive(COMMITTED)
    desk.release_responses()
    update, create = desk.sent()
    assert update["session"]["audio"]["input"]["turn_detection"]["create_response"] is True
    assert create == CREATE
    desk.release_responses()
    assert desk.sent() == []


def test_after_the_release_the_server_answers_by_itself_once_it_said_so():
    desk = Desk.ready(session_settings(Realtime(), withhold=True))
    desk.release_responses()
    [update] = desk.sent()
    desk.receive(COMMITTED)  # before it heard of it
    assert desk.sent() == [CREATE]
    desk.say(created("r1"), done("r1"), server("session.updated", session=update["session"]), COMMITTED)
    assert desk.sent() == []
    assert desk.receive(created("r2")) == [ev.ResponseStarted(1, "r2")]


def test_a_server_that_answers_although_it_must_not_is_stopped():
    desk = Desk.ready(session_settings(Realtime(), withhold=True))
    desk.receive(COMMITTED)
    assert desk.receive(created("r1")) == []
    assert desk.sent() == [cancel_of("r1")]
