"""A response that says something and calls a function after it: two items, in the order of the service."""

from __future__ import annotations

END = {"type": "function", "name": "end_conversation", "description": "End it.", "parameters": {"type": "object"}}


def test_words_then_a_call(h):
    h.update(tools=[END])
    h.ask("Goodbye")
    h.events.clear()
    h.send("response.create")
    h.pass_time(5)
    assert h.spoken == ["Goodbye."]
    done = h.of("response.done")[0]["response"]
    assert [item["type"] for item in done["output"]] == ["message", "function_call"]
    assert [item["status"] for item in done["output"]] == ["completed", "completed"]
    assert done["usage"]["output_token_details"]["text_tokens"] > 2
    kinds = [event["type"] for event in h.events]
    assert kinds[-9:] == [
        "response.output_item.done",
        "conversation.item.done",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert [e["output_index"] for e in h.of("response.output_item.added")] == [0, 1]
    assert h.of("response.output_audio.delta")[0]["output_index"] == 0
    assert h.of("response.function_call_arguments.done")[0]["output_index"] == 1
    call = h.of("conversation.item.added")[1]
    assert call["previous_item_id"] == done["output"][0]["id"]


def test_who_is_interrupted_before_the_end_calls_nothing(h):
    h.update(tools=[END])
    h.ask("Goodbye")
    h.hold_voice = True
    h.send("response.create")
    h.send("response.cancel")
    h.release()
    h.pass_time(5)
    done = h.of("response.done")[0]["response"]
    assert done["status"] == "cancelled"
    assert [item["type"] for item in done["output"]] == ["message"]
    assert not h.of("response.function_call_arguments.done")


def test_a_notice_is_said_before_the_first_answer_only(fresh):
    talk = fresh(notice="I cannot reach the internet.")
    for _ in range(2):
        talk.ask("What time is it?")
        talk.send("response.create")
        talk.pass_time(5)
    assert talk.spoken == ["I cannot reach the internet.", "It is 3:07 PM.", "It is 3:07 PM."]
    first = talk.of("response.done")[0]["response"]
    assert first["output"][0]["content"][0]["transcript"] == "I cannot reach the internet. It is 3:07 PM."
