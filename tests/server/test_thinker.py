"""Answers by a chat service, without one: the session alone, and what it asks."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Any

import pytest

from speakerd.server.effects import Effect, JobResult, Send, Think
from speakerd.server.history import Item
from speakerd.server.prompts import MANNERS, MAX_CHARS, Sentences, messages, speakable
from speakerd.server.session import Session
from speakerd.server.thinker import BROKE_OFF, NO_ANSWER
from speakerd.server.wits.heard import Call

NOW = datetime(2026, 3, 4, 15, 7)
TOOL = {"type": "function", "name": "get_weather", "description": "Weather.", "parameters": {"type": "object"}}


class Talk:
    """A session in text with a chat service that the test plays."""

    def __init__(self, **session: Any) -> None:
        counter = itertools.count()
        self.session = Session("m", lambda prefix: f"{prefix}_{next(counter)}", lambda: NOW, 0.0, chat=True)
        self.thinks: list[Think] = []
        self.events: list[dict[str, Any]] = []
        self.send("session.update", session={"type": "realtime", "output_modalities": ["text"], **session})

    def send(self, kind: str, **fields: Any) -> None:
        self._take(self.session.receive(json.dumps({"type": kind, **fields}), 0.0))

    def ask(self, text: str) -> Think | None:
        """Ask; the question that the chat service gets, if it gets one."""
        before = len(self.thinks)
        content = [{"type": "input_text", "text": text}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        self.send("response.create")
        return self.thinks[-1] if len(self.thinks) > before else None

    def words(self, *pieces: str) -> None:
        for piece in pieces:
            self._take(self.session.job_progress(self.thinks[-1].job, piece, 0.0))

    def done(self, result: JobResult = ()) -> None:
        self._take(self.session.job_done(self.thinks[-1].job, result, 0.0))

    @property
    def response(self) -> dict[str, Any]:
        return [e for e in self.events if e["type"] == "response.done"][-1]["response"]

    @property
    def said(self) -> str:
        return " ".join(i["content"][0]["text"] for i in self.response["output"] if i["type"] == "message")

    def _take(self, effects: list[Effect]) -> None:
        self.events += [json.loads(effect.text) for effect in effects if isinstance(effect, Send)]
        self.thinks += [effect for effect in effects if isinstance(effect, Think)]


def test_the_conversation_is_asked_and_the_answer_said_sentence_by_sentence():
    talk = Talk(instructions="You are a pirate.")
    think = talk.ask("Who was Blackbeard?")
    assert think is not None
    assert think.messages == (
        {"role": "system", "content": f"You are a pirate.\n{MANNERS}"},
        {"role": "user", "content": "Who was Blackbeard?"},
    )
    talk.words("He was ", "a **pirate**. Ar", "r! His")
    deltas = [e["delta"] for e in talk.events if e["type"] == "response.output_text.delta"]
    assert deltas == ["He was a pirate.", " Arr!"], "the third is not whole yet"
    talk.words(" name was Edward")
    talk.done()
    assert talk.said == "He was a pirate. Arr! His name was Edward"
    assert talk.response["status"] == "completed"


def test_functions_are_offered_called_and_answered_from():
    talk = Talk(tools=[TOOL])
    think = talk.ask("What is the weather in Berlin?")
    assert think is not None
    function = {"name": "get_weather", "description": "Weather.", "parameters": {"type": "object"}}
    assert think.functions == ({"type": "function", "function": function},)
    talk.words("Let me see. ")
    talk.done((Call("get_weather", '{"city": "Berlin"}'), Call("get_weather", "{}"), Call("no_such", "{}")))
    output = talk.response["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "function_call"], (
        "unknown ones are left out"
    )
    result = {"type": "function_call_output", "call_id": output[1]["call_id"], "output": "rain"}
    talk.send("conversation.item.create", item=result)
    talk.send("response.create")
    told = talk.thinks[-1].messages
    assert told[-1] == {"role": "tool", "tool_call_id": output[1]["call_id"], "content": "rain"}
    assert told[-2]["tool_calls"][0]["function"]["name"] == "get_weather"


def test_a_call_that_a_client_gives_to_read_needs_no_id():
    talk = Talk()
    question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is a lion?"}]}
    given = [{"type": "function_call", "name": "f", "arguments": "{}"}, question]
    talk.send("response.create", response={"conversation": "none", "input": given})
    assert talk.thinks[0].messages[1]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}


@pytest.mark.parametrize("said", ["Stop.", "Hey Jarvis", "..."])
def test_what_needs_no_mind_is_answered_at_once(said: str):
    assert Talk().ask(said) is None


def test_when_it_fails_the_built_in_wits_answer_and_say_so_once():
    talk = Talk()
    talk.ask("What is 3 times 4?")
    talk.done(OSError("no route"))
    assert talk.said == f"{NO_ANSWER} 3 times 4 is 12."
    talk.ask("What is 3 times 5?")
    talk.done(OSError("no route"))
    assert talk.said == "3 times 5 is 15."
    talk.ask("What is 3 times 6?")
    talk.words("Eighteen. ")
    talk.done()
    talk.ask("What is 3 times 7?")
    talk.done(OSError("no route"))
    assert talk.said == f"{NO_ANSWER} 3 times 7 is 21."


def test_when_it_fails_in_the_middle_that_is_said():
    talk = Talk()
    talk.ask("Tell me about whales")
    talk.words("Whales are mammals. They ")
    talk.done(OSError("gone"))
    assert talk.said == f"Whales are mammals. {BROKE_OFF}"


def test_a_cancelled_response_hears_no_more_of_it():
    talk = Talk()
    talk.ask("Tell me about whales")
    job = talk.thinks[-1].job
    talk.words("Whales are mammals. ")
    talk.send("response.cancel")
    assert not talk.session.wants(job)
    before = len(talk.events)
    talk.words("They swim. ")
    talk.done()
    assert len(talk.events) == before
    assert talk.response["status"] == "cancelled"


@pytest.mark.parametrize(
    ("pieces", "sentences"),
    [
        (["One. Two! Three?"], ["One.", "Two!", "Three?"]),
        (["It costs 3.50 dollars. Yes."], ["It costs 3.50 dollars.", "Yes."]),
        (["- one\n- two\n"], ["one", "two"]),
        (["<think>Hm. What? ", "No.</th", "ink>Yes. No."], ["Yes.", "No."]),
        (["<think>for ever. And", " ever. "], []),
        (["Yes. <think>Hm. </think>No. "], ["Yes.", "No."]),
        (["x" * 500 + " y"], ["x" * 500, "y"]),
        (["\n\n"], []),
        (['He said "no." Then '], ['He said "no."', "Then"]),
    ],
)
def test_sentences(pieces: list[str], sentences: list[str]):
    spoken = Sentences()
    assert [s for piece in pieces for s in spoken.feed(piece)] + spoken.rest() == sentences


def test_what_cannot_be_spoken_is_left_out():
    assert speakable("## Hello **you**! 🙂 See [this](http://x.example).") == "Hello you! See this."


def test_only_the_newest_of_a_long_conversation_is_sent_along():
    items = [
        Item({"id": str(n), "type": "message", "role": "user", "content": []}, words="x" * 1_000) for n in range(50)
    ]
    told = messages("", items)
    assert len(told) < 30
    assert len(str(told)) < MAX_CHARS + 2_000
