"""When a flush is answered."""

from __future__ import annotations

from speakerd.conversation.events import ItemHeard, PlayoutFlushed
from speakerd.speaker.flush import LATEST_SILENCE_S, STUCK_S, Flushes, Verdict

ITEMS = (ItemHeard("a", 100, 200),)


def test_silence_is_answered_at_once():
    flushes = Flushes()
    assert not flushes
    flushes.ask(5.0)
    assert flushes
    assert flushes.judge(0.0, 5.0) is Verdict.ANSWER


def test_what_is_silent_soon_fades_and_what_is_not_is_dropped():
    flushes = Flushes()
    flushes.ask(5.0)
    assert flushes.judge(LATEST_SILENCE_S, 5.0) is Verdict.FADE
    assert flushes.judge(0.03, 5.03) is Verdict.FADE
    assert flushes.judge(LATEST_SILENCE_S + 0.001, 5.0) is Verdict.DROP


def test_a_card_that_does_not_move_holds_nobody_up():
    flushes = Flushes()
    flushes.ask(5.0)
    flushes.ask(5.2)
    assert flushes.judge(0.03, 5.0 + STUCK_S) is Verdict.FADE
    assert flushes.judge(0.03, 5.01 + STUCK_S) is Verdict.DROP


def test_each_flush_has_one_answer_and_each_item_is_told_once():
    flushes = Flushes()
    for _ in range(3):
        flushes.ask(1.0)
    assert flushes.answer(ITEMS) == [PlayoutFlushed(ITEMS), PlayoutFlushed(), PlayoutFlushed()]
    assert not flushes
    assert flushes.answer(()) == []
