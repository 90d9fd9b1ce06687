"""One plain sentence for each thing that happens."""

from __future__ import annotations

import logging

import pytest
from support import playbook

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.conversation.table import ROWS
from speakerd.service.sentences import describe

IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, FINISHING, CLOSING = State
REFUSED = ev.SessionEnded(1, "key_refused", "no")
NO_QUOTA = ev.ResponseEnded(1, "r", "failed", 0, "insufficient_quota")
CUT = ev.PlayoutFlushed((ev.ItemHeard("i", 640, 900),))


@pytest.mark.parametrize(
    ("event", "before", "after", "level", "words"),
    [
        (ev.WakeDetected("alexa", 0.913, 1), IDLE, CONNECTING, "INFO", "Heard alexa (score 0.91); connecting."),
        (
            REFUSED,
            CONNECTING,
            IDLE,
            "WARNING",
            "The session ended: the service refused the key (key_refused: no);",
        ),
        (ev.SessionEnded(1), CLOSING, IDLE, "INFO", "The conversation is over"),
        (ev.DeadlineReached(), LISTENING, CLOSING, "INFO", "Silence"),
        (ev.DeadlineReached(), CONNECTING, CLOSING, "WARNING", "did not answer in time"),
        (ev.DeadlineReached(), THINKING, LISTENING, "WARNING", "No answer came"),
        (ev.DeadlineReached(ran_dry=True), SPEAKING, LISTENING, "WARNING", "The rest of the reply did not come"),
        (ev.DeadlineReached(), SPEAKING, LISTENING, "WARNING", "lasted too long"),
        (NO_QUOTA, THINKING, LISTENING, "WARNING", "insufficient_quota"),
        (ev.ToolsCalled(1, "r", ("a", "b")), THINKING, THINKING, "INFO", "The assistant calls a, b."),
        (ev.GOODBYE, LISTENING, CLOSING, "INFO", "is to end (goodbye)"),
        (CUT, LISTENING, LISTENING, "INFO", "after 640 ms"),
        (ev.BargeInDetected(1, -20.0), SPEAKING, INTERRUPTED, "INFO", "speaks over the reply"),
        (ev.DeadlineReached(), INTERRUPTED, SPEAKING, "INFO", "No words followed"),
        (ev.BargeInDetected(1, -20.0), IDLE, IDLE, "DEBUG", ""),
        (ev.PlayoutDrained(final=True), SPEAKING, LISTENING, "INFO", "Listening."),
    ],
)
def test_one_plain_sentence_an_entry(event, before, after, level, words):
    told = describe(event, before, after, {})
    found_level, sentence = told.level, told.sentence
    assert logging.getLevelName(found_level) == level
    assert words in sentence
    assert sentence.endswith((".", "?"))


def test_every_transition_of_the_table_is_in_the_journal():
    events = [*vars(playbook).values(), ev.GOODBYE]
    examples = {type(event): event for event in events if isinstance(event, ev.Event)}
    told = {
        (row.event, before, row.to): describe(examples[row.event], before, row.to, {})
        for row in ROWS
        for before in row.states
        if row.to not in (None, before)
    }
    assert len(told) > 25
    assert [key for key, one in told.items() if one.level < logging.INFO] == []
    assert [one.sentence for one in told.values() if not one.sentence.endswith((".", "?"))] == []
