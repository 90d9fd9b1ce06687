"""One playbook for each row of the table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.playbook import (
    ALONE,
    ANSWER,
    ANSWERED,
    AUDIBLE,
    BEGIN,
    BEGUN,
    CALLED,
    CALLS,
    CLOSED,
    CLOSING,
    CONNECTING,
    CUT,
    DRAINED,
    DRY,
    END,
    ERROR,
    FINISHING,
    FLUSHED,
    GO_ON,
    GOODBYE,
    HEARD,
    IDLE,
    INTERRUPTED,
    LATE,
    LISTENING,
    LOST,
    NOT_SO,
    OTHER,
    PERHAPS,
    PERHAPS_WORDS,
    READY,
    SETTLED,
    SPEAKING,
    SPEECH,
    TAIL,
    THINKING,
    TO,
    VOICE,
    WAKE,
    Playbook,
)

from speakerd.config.model import BargeIn
from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.state import Rules
from speakerd.conversation.table import ROWS

BROKEN = replace(ANSWERED, status="failed", error="server_error")
BROKEN_AT_ONCE = replace(BROKEN, response_id="r2", audio_ms=0)
BY_HAND = replace(WAKE, by_hand=True)

ROWS_IN_PLAY = [
    # from, events, state afterwards, actions of the last event, seconds to the deadline
    (IDLE, (WAKE,), CONNECTING, BEGUN, 5),
    (IDLE, (BY_HAND,), CONNECTING, [BEGUN[0], do.HoldUplink(1001), do.OpenSession(1, -60_000)], 5),
    (CONNECTING, (READY,), LISTENING, [do.OpenUplink()], 8),
    (CONNECTING, (LOST,), IDLE, [do.CloseUplink(), ERROR], None),
    (CONNECTING, (LATE,), CLOSING, [do.CloseUplink(), do.AbortSession(), ERROR], 2),
    (CONNECTING, (ev.StopRequested("x"),), CLOSING, [do.CloseUplink(), do.AbortSession()], 2),
    (LISTENING, (BEGIN,), LISTENING, [], 60),
    (LISTENING, (BEGIN, END), THINKING, [], 15),
    (LISTENING, (ANSWER,), THINKING, [], 15),
    (LISTENING, (WAKE,), LISTENING, [], 8),
    (LISTENING, (LATE,), CLOSING, [do.CloseUplink(), do.CloseSession(), GOODBYE], 2),
    (LISTENING, (BEGIN, LATE), THINKING, [do.HoldUplink(), do.EndTurn()], 15),
    (LISTENING, (SPEECH,), LISTENING, [do.OpenUplink(1985, voice_index=1992)], 8),
    (LISTENING, (BEGIN, ALONE), LISTENING, [], 8),
    (LISTENING, (PERHAPS,), LISTENING, [do.OpenUplink(1985)], 8),
    (THINKING, (PERHAPS,), THINKING, [do.OpenUplink(1985)], 15),
    (THINKING, (SPEECH,), THINKING, [do.OpenUplink(1985, voice_index=1992)], 15),
    (SPEAKING, (CALLS, ANSWERED, DRAINED, SPEECH), THINKING, [do.OpenUplink(1985, voice_index=1992)], 25),
    (LISTENING, (LOST,), IDLE, [do.CloseUplink(), ERROR], None),
    (LISTENING, (ev.StopRequested("x"),), CLOSING, [do.CloseUplink(), do.CloseSession()], 2),
    (THINKING, (ANSWER,), THINKING, [], 15),
    (THINKING, (END,), THINKING, [], 15),
    (THINKING, (AUDIBLE,), SPEAKING, [do.HoldUplink()], 180),
    (THINKING, (BEGIN,), LISTENING, [do.FlushPlayout(), do.CancelResponse("r1"), do.OpenUplink()], 60),
    (THINKING, (ANSWERED,), THINKING, [], 15),
    (THINKING, (ANSWERED, BEGIN), LISTENING, [do.FlushPlayout(), do.OpenUplink()], 60),
    (THINKING, (replace(ANSWERED, audio_ms=0),), LISTENING, [do.OpenUplink()], 8),
    (THINKING, (replace(ANSWERED, audio_ms=0, status="failed"),), LISTENING, [do.OpenUplink(), ERROR], 8),
    (THINKING, (ANSWERED, DRAINED), LISTENING, [TAIL], 8),
    (THINKING, (LATE,), LISTENING, [do.FlushPlayout(), do.CancelResponse("r1"), do.OpenUplink(), ERROR], 8),
    (THINKING, (LOST,), IDLE, [do.FlushPlayout(), do.CloseUplink(), ERROR], None),
    (THINKING, (ev.StopRequested("x"),), CLOSING, [do.FlushPlayout(), do.CloseUplink(), do.CloseSession()], 2),
    (THINKING, (CALLS,), THINKING, [], 25),
    (THINKING, (CALLS, CALLED), THINKING, [], 25),
    (THINKING, (CALLS, CALLED, DRAINED), THINKING, [], 25),
    (THINKING, (CALLS, CALLED, DRAINED, OTHER), THINKING, [], 15),
    (THINKING, (CALLS, CALLED, OTHER, AUDIBLE), SPEAKING, [do.HoldUplink()], 180),
    (THINKING, (CALLS, ANSWERED, DRAINED), THINKING, [], 25),
    (THINKING, (CALLS, CALLED, BEGIN), LISTENING, [do.FlushPlayout(), do.CancelResponse(None), do.OpenUplink()], 60),
    (THINKING, (CALLS, CALLED, LATE), LISTENING, [*CUT[:1], do.CancelResponse(None), do.OpenUplink(), ERROR], 8),
    (THINKING, (CALLS, CALLED, LOST), IDLE, [do.FlushPlayout(), do.CloseUplink(), ERROR], None),
    (THINKING, (CALLS, CALLED, DRAINED, SETTLED), LISTENING, [do.OpenUplink()], 8),
    (THINKING, (CALLS, CALLED, SETTLED), THINKING, [], 25),
    (THINKING, (CALLS, CALLED, SETTLED, DRAINED), LISTENING, [TAIL], 8),
    (THINKING, (CALLS, ANSWERED, SETTLED, AUDIBLE, DRAINED), LISTENING, [TAIL], 8),
    (SPEAKING, (CALLS,), SPEAKING, [], 180),
    (SPEAKING, (CALLS, ANSWERED, DRAINED), THINKING, [TAIL], 25),
    (SPEAKING, (PERHAPS, CALLS, ANSWERED, DRAINED), THINKING, PERHAPS_WORDS, 25),
    (SPEAKING, (CALLS, ANSWERED, DRAINED, SETTLED), LISTENING, [do.OpenUplink()], 8),
    (SPEAKING, (CALLS, ANSWERED, SETTLED), SPEAKING, [], 180),
    (SPEAKING, (CALLS, ANSWERED, SETTLED, DRAINED), LISTENING, [TAIL], 8),
    (SPEAKING, (CALLS, ANSWERED, OTHER, DRAINED), SPEAKING, [TAIL], 15),
    (SPEAKING, (CALLS, ANSWERED, WAKE), LISTENING, [*CUT[:1], do.CancelResponse(None), VOICE], 8),
    (INTERRUPTED, (CALLS,), INTERRUPTED, [], 2),
    (INTERRUPTED, (CALLS, ANSWERED, DRAINED), THINKING, [do.ResumePlayout()], 25),
    (INTERRUPTED, (CALLS, ANSWERED, OTHER), INTERRUPTED, [], 2),
    (INTERRUPTED, (CALLS, ANSWERED, OTHER, LATE), SPEAKING, GO_ON, 180),
    (INTERRUPTED, (CALLS, ANSWERED, SETTLED), INTERRUPTED, [], 2),
    (INTERRUPTED, (CALLS, ANSWERED, SETTLED, DRAINED), LISTENING, [do.ResumePlayout()], 8),
    (INTERRUPTED, (CALLS, ANSWERED, BEGIN), LISTENING, [do.FlushPlayout(), do.CancelResponse(None)], 60),
    (LISTENING, (ev.GOODBYE,), CLOSING, [do.CloseUplink(), do.CloseSession(), GOODBYE], 2),
    (SPEAKING, (PERHAPS,), SPEAKING, [do.DuckPlayout()], 180),
    (SPEAKING, (PERHAPS, PERHAPS), SPEAKING, [do.DuckPlayout()], 180),
    (SPEAKING, (PERHAPS, NOT_SO), SPEAKING, [do.RestorePlayout()], 180),
    (SPEAKING, (NOT_SO,), SPEAKING, [], 180),
    (SPEAKING, (DRY, PERHAPS), SPEAKING, [do.OpenUplink(1985)], 15),
    (SPEAKING, (PERHAPS, DRY), SPEAKING, PERHAPS_WORDS, 15),
    (SPEAKING, (PERHAPS, ANSWERED, DRAINED), LISTENING, PERHAPS_WORDS, 8),
    (SPEAKING, (PERHAPS, WAKE), LISTENING, [*CUT, do.OpenUplink(976, voice_index=976)], 8),
    (SPEAKING, (SPEECH,), INTERRUPTED, [do.PausePlayout(), do.OpenUplink(1985, voice_index=1992)], 2),
    (SPEAKING, (PERHAPS, SPEECH), INTERRUPTED, [do.PausePlayout(), do.OpenUplink(1985, voice_index=1992)], 2),
    (SPEAKING, (PERHAPS, LATE), LISTENING, [*CUT, TAIL], 8),
    (SPEAKING, (BEGIN,), LISTENING, [do.FlushPlayout(), do.CancelResponse("r1"), do.OpenUplink()], 60),
    (SPEAKING, (WAKE,), LISTENING, [*CUT[-2:], do.OpenUplink(976, voice_index=976)], 8),
    (SPEAKING, (ev.ResponseStarted(1, "r2"),), SPEAKING, [], 180),
    (SPEAKING, (ANSWERED,), SPEAKING, [], 180),
    (SPEAKING, (ANSWERED, DRAINED), LISTENING, [TAIL], 8),
    (SPEAKING, (END,), SPEAKING, [], 180),
    (SPEAKING, (BROKEN, DRAINED), LISTENING, [TAIL, ERROR], 8),
    (
        SPEAKING,
        (CALLS, ANSWERED, OTHER, replace(BROKEN, response_id="r2", audio_ms=0), DRAINED),
        LISTENING,
        [TAIL, ERROR],
        8,
    ),
    (SPEAKING, (BROKEN, OTHER, replace(ANSWERED, response_id="r2"), DRAINED), LISTENING, [TAIL], 8),
    (INTERRUPTED, (BROKEN, DRAINED), LISTENING, [do.ResumePlayout(), ERROR], 8),
    (THINKING, (BROKEN, AUDIBLE, DRAINED), LISTENING, [TAIL, ERROR], 8),
    (THINKING, (CALLS, ANSWERED, OTHER, BROKEN_AT_ONCE), THINKING, [], 15),
    (THINKING, (CALLS, ANSWERED, OTHER, BROKEN_AT_ONCE, AUDIBLE), SPEAKING, [do.HoldUplink()], 180),
    (THINKING, (CALLS, ANSWERED, OTHER, BROKEN_AT_ONCE, AUDIBLE, DRAINED), LISTENING, [TAIL, ERROR], 8),
    (THINKING, (CALLS, ANSWERED, DRAINED, OTHER, BROKEN_AT_ONCE), LISTENING, [do.OpenUplink(), ERROR], 8),
    (SPEAKING, (DRY,), SPEAKING, [TAIL], 15),
    (SPEAKING, (DRY, AUDIBLE), SPEAKING, [do.HoldUplink()], 180),
    (SPEAKING, (DRY, ANSWERED), SPEAKING, [], 15),
    (SPEAKING, (ANSWERED, DRY), SPEAKING, [TAIL], 15),
    (SPEAKING, (DRY, ANSWERED, AUDIBLE, DRAINED), LISTENING, [TAIL], 8),
    (SPEAKING, (LATE,), LISTENING, [do.FlushPlayout(), do.CancelResponse("r1"), TAIL], 8),
    (SPEAKING, (DRAINED, LATE), LISTENING, [do.FlushPlayout(), do.CancelResponse("r1"), TAIL, ERROR], 8),
    (SPEAKING, (LOST,), IDLE, [do.FlushPlayout(), do.CloseUplink(), ERROR], None),
    (SPEAKING, (ev.StopRequested("x"),), CLOSING, [do.FlushPlayout(), do.CloseUplink(), do.CloseSession()], 2),
    (SPEAKING, (WAKE, FLUSHED), LISTENING, [do.TruncateItems((HEARD,))], 8),
    (SPEAKING, (WAKE, ev.PlayoutFlushed()), LISTENING, [], 8),
    (SPEAKING, (LOST, FLUSHED), IDLE, [], None),
    (SPEAKING, (ev.StopRequested("x"), FLUSHED), CLOSING, [do.TruncateItems((HEARD,))], 2),
    (INTERRUPTED, (BEGIN,), LISTENING, CUT, 60),
    (INTERRUPTED, (ANSWERED, BEGIN), LISTENING, CUT[:1], 60),
    (INTERRUPTED, (BEGIN, FLUSHED), LISTENING, [do.TruncateItems((HEARD,))], 60),
    (INTERRUPTED, (END,), THINKING, CUT, 15),
    (INTERRUPTED, (WAKE,), LISTENING, CUT, 8),
    (INTERRUPTED, (OTHER,), THINKING, CUT, 15),
    (INTERRUPTED, (ANSWERED, OTHER), THINKING, CUT[:1], 15),
    (INTERRUPTED, (OTHER, ev.PlayoutFlushed(), AUDIBLE), SPEAKING, [do.HoldUplink()], 180),
    (INTERRUPTED, (ANSWER,), INTERRUPTED, [], 2),
    (INTERRUPTED, (ANSWERED,), INTERRUPTED, [], 2),
    (INTERRUPTED, (ANSWERED, DRAINED), LISTENING, [do.ResumePlayout()], 8),
    (INTERRUPTED, (DRY,), INTERRUPTED, [], 2),
    (INTERRUPTED, (DRY, AUDIBLE), INTERRUPTED, [], 2),
    (INTERRUPTED, (DRY, AUDIBLE, LATE), SPEAKING, GO_ON, 180),
    (INTERRUPTED, (DRY, LATE), SPEAKING, [do.ResumePlayout()], 15),
    (INTERRUPTED, (LATE,), SPEAKING, GO_ON, 180),
    (INTERRUPTED, (LATE, ANSWERED, DRAINED), LISTENING, [TAIL], 8),
    (INTERRUPTED, (LATE, SPEECH), INTERRUPTED, [do.PausePlayout(), do.OpenUplink(1985, voice_index=1992)], 2),
    (INTERRUPTED, (LATE, BEGIN), LISTENING, [*CUT, do.OpenUplink()], 60),
    (INTERRUPTED, (SPEECH,), INTERRUPTED, [], 2),
    (INTERRUPTED, (PERHAPS,), INTERRUPTED, [], 2),
    (INTERRUPTED, (NOT_SO,), INTERRUPTED, [], 2),
    (INTERRUPTED, (LOST,), IDLE, [do.FlushPlayout(), do.CloseUplink(), ERROR], None),
    (INTERRUPTED, (ev.StopRequested("x"),), CLOSING, [do.FlushPlayout(), do.CloseUplink(), do.CloseSession()], 2),
    (SPEAKING, (ANSWERED, LOST), FINISHING, [do.CloseUplink()], 180),
    (SPEAKING, (CALLS, ANSWERED, LOST), IDLE, [do.FlushPlayout(), do.CloseUplink(), ERROR], None),
    (SPEAKING, (DRY, ANSWERED, LOST), IDLE, [do.FlushPlayout(), do.CloseUplink(), ERROR], None),
    (FINISHING, (DRAINED,), IDLE, [do.CloseUplink(), ERROR], None),
    # It had run dry when the rest came, and with it the end of the session.
    (FINISHING, (DRY,), FINISHING, [], 180),
    (FINISHING, (PERHAPS,), FINISHING, [do.DuckPlayout()], 180),
    (FINISHING, (PERHAPS, NOT_SO), FINISHING, [do.RestorePlayout()], 180),
    (FINISHING, (PERHAPS, DRAINED), IDLE, [do.RestorePlayout(), do.CloseUplink(), ERROR], None),
    (FINISHING, (SPEECH,), IDLE, [do.FlushPlayout(), do.CloseUplink(), ERROR], None),
    (FINISHING, (WAKE,), CONNECTING, [do.FlushPlayout(), *BEGUN[:2], do.OpenSession(2, 500)], 5),
    (FINISHING, (WAKE, FLUSHED, ev.SessionReady(2)), LISTENING, [do.OpenUplink()], 8),
    (FINISHING, (WAKE, ev.SessionReady(2), FLUSHED), LISTENING, [], 8),
    (FINISHING, (ev.StopRequested("x"),), IDLE, [do.FlushPlayout(), do.CloseUplink()], None),
    (FINISHING, (LATE,), IDLE, [do.FlushPlayout(), do.CloseUplink(), ERROR], None),
    (CLOSING, (CLOSED,), IDLE, [], None),
    (CLOSING, (LATE,), IDLE, [do.AbortSession()], None),
    (CLOSING, (WAKE, ev.StopRequested("x")), CLOSING, [do.CloseUplink()], 2),
    (CLOSING, (WAKE, ev.StopRequested("x"), CLOSED), IDLE, [], None),
    (CLOSING, (WAKE,), CLOSING, [do.HoldUplink(976)], 2),
    (CLOSING, (WAKE, CLOSED), CONNECTING, [*BEGUN[:2], do.OpenSession(2, 500)], 5),
    (CLOSING, (WAKE, LATE), CONNECTING, [do.AbortSession(), *BEGUN[:2], do.OpenSession(2, 500)], 5),
]


@pytest.mark.parametrize(("start", "events", "state", "actions", "due_in_s"), ROWS_IN_PLAY)
def test_row(start, events, state, actions, due_in_s):
    play = Playbook()
    play.feed(*TO[start])
    assert play.machine.state is start

    done = play.feed(*events)

    assert (play.machine.state, done) == (state, actions)
    left_s = None if play.machine.deadline_s is None else play.machine.deadline_s - play.now_s
    assert left_s == due_in_s


def test_every_row_of_the_table_is_played():
    played = set()
    in_play = [(start, events, Rules()) for start, events, *_ in ROWS_IN_PLAY]
    in_play += [
        (LISTENING, (LATE,), Rules(conversation_s=1.0)),  # not reached so soon, else
        (SPEAKING, (BEGIN,), Rules(barge_in=BargeIn.OFF)),
    ]
    for start, events, rules in in_play:
        play = Playbook(rules)
        for event in (*TO[start], *events):
            facts = play.machine.facts
            if isinstance(event, ev.DeadlineReached):
                play.now_s = play.machine.deadline_s or play.now_s
            if not play.machine._is_stale(event, play.now_s):
                fits = (
                    r
                    for r in ROWS
                    if facts.state in r.states and isinstance(event, r.event) and r.when(facts, event, play.now_s)
                )
                played.add(next(fits, None))
            play.feed(event)
    assert [row for row in ROWS if row not in played] == []
