"""One playbook for each row of the table, the guards, and random runs with the invariants."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from speakerd.config.model import BargeIn, Conversation, Realtime
from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Earcon
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State
from speakerd.conversation.table import ROWS

IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, CLOSING = State
WAKE = ev.WakeDetected("hey_jarvis", 0.9, 1000)
READY = ev.SessionReady(1)
BEGIN = ev.UserSpeechStarted(1)
END = ev.UserSpeechStopped(1)
ALONE = ev.NothingAsked(1)
ANSWER = ev.ResponseStarted(1, "r1")
ANSWERED = ev.ResponseEnded(1, "r1", "completed", 900)
AUDIBLE = ev.PlayoutStarted("i1")
DRY = ev.PlayoutDrained()
DRAINED = ev.PlayoutDrained(final=True)
LOST = ev.SessionEnded(1, "connection_lost", "gone")
CLOSED = ev.SessionEnded(1)
SPEECH = ev.BargeInDetected(2000, -20.0)
PERHAPS = ev.BargeInSuspected(2000)
NOT_SO = ev.BargeInDismissed()
OTHER = ev.ResponseStarted(1, "r2")
LATE = ev.DeadlineReached()
CALLS = ev.ToolsCalled(1, "r1")
CALLED = replace(ANSWERED, audio_ms=0)
SETTLED = ev.ToolsSettled(1, "r1")
HEARD = ev.ItemHeard("i1", 640, 900)
FLUSHED = ev.PlayoutFlushed((HEARD,))

ERROR, GOODBYE = do.PlayEarcon(Earcon.ERROR), do.PlayEarcon(Earcon.GOODBYE)
BEGUN = [do.PlayEarcon(Earcon.WAKE), do.HoldUplink(976), do.OpenSession(1, 500)]
TAIL = do.OpenUplink(skip_ms=200)
CUT = [do.FlushPlayout(), do.CancelResponse("r1")]
PERHAPS_WORDS = [do.RestorePlayout(), do.OpenUplink(1985)]
VOICE = do.OpenUplink(976, voice_index=976)
GO_ON = [do.HoldUplink(), do.ResumePlayout()]


class Playbook:
    """Feeds events to a machine; time passes only where the script says so."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.machine = Machine(rules)
        self.now_s = 100.0

    def feed(self, *events: ev.Event) -> list[do.Action]:
        """Feed events; the actions of the last one."""
        actions: list[do.Action] = []
        for event in events:
            if isinstance(event, ev.DeadlineReached) and self.machine.deadline_s is not None:
                self.now_s = self.machine.deadline_s
            actions = self.machine.handle(event, self.now_s)
        return actions


TO = {
    IDLE: (),
    CONNECTING: (WAKE,),
    LISTENING: (WAKE, READY),
    THINKING: (WAKE, READY, BEGIN, END, ANSWER),
    SPEAKING: (WAKE, READY, BEGIN, END, ANSWER, AUDIBLE),
    INTERRUPTED: (WAKE, READY, BEGIN, END, ANSWER, AUDIBLE, SPEECH),
    CLOSING: (WAKE, READY, LATE),
}
"""The events that lead from IDLE to each state."""

ROWS_IN_PLAY = [
    # from, events, state afterwards, actions of the last event, seconds to the deadline
    (IDLE, (WAKE,), CONNECTING, BEGUN, 5),
    (CONNECTING, (READY,), LISTENING, [do.OpenUplink()], 8),
    (CONNECTING, (LOST,), IDLE, [do.CloseUplink(), ERROR], None),
    (CONNECTING, (LATE,), CLOSING, [do.CloseUplink(), do.AbortSession(), ERROR], 2),
    (CONNECTING, (ev.StopRequested("x"),), CLOSING, [do.CloseUplink(), do.AbortSession()], 2),
    (LISTENING, (BEGIN,), LISTENING, [], 60),
    (LISTENING, (BEGIN, END), THINKING, [], 15),
    (LISTENING, (ANSWER,), THINKING, [], 15),
    (LISTENING, (WAKE,), LISTENING, [], 8),
    (LISTENING, (LATE,), CLOSING, [do.CloseUplink(), do.CloseSession(), GOODBYE], 2),
    (LISTENING, (BEGIN, LATE), THINKING, [do.EndTurn(), do.HoldUplink()], 15),
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


def talk_of_the_television(play: Playbook) -> list[do.Action]:
    """A turn that never ends by itself, and the answer to it."""
    actions = play.feed(BEGIN, LATE)
    play.feed(ANSWER, AUDIBLE)
    play.now_s += 30.0
    play.feed(ANSWERED, DRAINED)
    return actions


def test_a_television_does_not_talk_with_it_all_night():
    play = Playbook()
    play.feed(*TO[LISTENING])
    began_s = play.now_s
    while play.machine.deadline_s > play.now_s:
        assert talk_of_the_television(play) == [do.EndTurn(), do.HoldUplink()]
    assert 600 <= play.now_s - began_s < 700
    assert play.feed(LATE)[1:] == [do.CloseSession(), GOODBYE]


def test_after_a_wake_word_alone_there_is_time_to_speak_and_no_more():
    play = Playbook()
    play.feed(*TO[LISTENING], BEGIN)
    play.now_s += 2.0
    play.feed(ALONE)
    assert play.machine.deadline_s == play.now_s + 8.0
    assert play.feed(LATE)[1:] == [do.CloseSession(), GOODBYE]


def test_a_wake_word_puts_off_the_longest_time():
    play = Playbook()
    play.feed(*TO[LISTENING])
    play.now_s += 599.0
    play.feed(WAKE)
    assert play.machine.deadline_s == play.now_s + 8.0


def test_every_row_of_the_table_is_played():
    played = set()
    too_long = (LISTENING, (LATE,), None, None, None)  # the only row that the default rules do not reach so soon
    for start, events, *rest in (*ROWS_IN_PLAY, too_long):
        play = Playbook(Rules() if rest[0] else Rules(conversation_s=1.0))
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


@pytest.mark.parametrize(
    ("barge_in", "event", "state"),
    [
        (BargeIn.SPEECH, SPEECH, INTERRUPTED),
        (BargeIn.SPEECH, WAKE, LISTENING),
        (BargeIn.SPEECH, BEGIN, LISTENING),
        (BargeIn.WAKE_WORD, SPEECH, SPEAKING),
        (BargeIn.WAKE_WORD, BEGIN, SPEAKING),
        (BargeIn.WAKE_WORD, WAKE, LISTENING),
        (BargeIn.OFF, SPEECH, SPEAKING),
        (BargeIn.OFF, WAKE, SPEAKING),
    ],
)
def test_barge_in_obeys_the_configuration(barge_in, event, state):
    play = Playbook(Rules(barge_in=barge_in))
    play.feed(*TO[SPEAKING], event)
    assert play.machine.state is state


@pytest.mark.parametrize("barge_in", [BargeIn.WAKE_WORD, BargeIn.OFF])
@pytest.mark.parametrize("state", [LISTENING, THINKING, SPEAKING])
def test_suspicions_order_nothing_where_speech_does_not_interrupt(barge_in, state):
    play = Playbook(Rules(barge_in=barge_in))
    assert play.feed(*TO[state], PERHAPS) == []
    assert play.feed(DRY, PERHAPS) == []


def test_words_suspected_at_the_very_end_of_a_reply_are_sent_from_their_beginning():
    play = Playbook()
    play.feed(*TO[SPEAKING], PERHAPS, ANSWERED)
    assert play.feed(DRAINED) == [do.RestorePlayout(), do.OpenUplink(2000 - 15)]
    assert play.feed(SPEECH) == [do.OpenUplink(1985, voice_index=1992)], "now it is sure that they are words"


def test_what_was_suspected_and_dismissed_is_not_sent_when_the_reply_ends():
    play = Playbook()
    play.feed(*TO[SPEAKING], PERHAPS, NOT_SO, ANSWERED)
    assert play.feed(DRAINED) == [TAIL]


def test_a_false_interruption_restores_the_level_before_the_sound_goes_on():
    play = Playbook()
    play.feed(*TO[SPEAKING], PERHAPS, SPEECH)
    assert play.feed(LATE) == [do.HoldUplink(), do.RestorePlayout(), do.ResumePlayout()]


def test_a_pause_does_not_count_as_part_of_the_reply():
    play = Playbook(Rules(reply_s=20.0))
    play.feed(*TO[SPEAKING])
    began_s = play.now_s
    play.now_s += 19.0
    play.feed(SPEECH, LATE)
    assert play.machine.state is SPEAKING
    assert play.machine.deadline_s == began_s + 22.0
    assert play.feed(LATE) == [*CUT, TAIL]


def test_noise_that_interrupts_again_and_again_does_not_stretch_the_conversation():
    play = Playbook(Rules(conversation_s=60.0, reply_s=20.0))
    play.feed(*TO[SPEAKING])
    began_s = play.now_s
    while play.machine.state is SPEAKING and play.now_s < began_s + 600.0:
        play.now_s += 0.1
        play.feed(SPEECH if play.now_s < play.machine.deadline_s else LATE)
        if play.machine.state is INTERRUPTED:
            play.feed(LATE)
    assert play.machine.state is LISTENING
    assert 20.0 < play.now_s - began_s <= 60.0 + 2.0


def test_the_end_of_the_response_may_come_in_the_pause():
    play = Playbook()
    play.feed(*TO[INTERRUPTED], ANSWERED, LATE)
    assert play.feed(SPEECH, BEGIN) == [do.FlushPlayout()], "there is nothing to cancel"


def test_rules_come_from_the_configuration():
    conversation = Conversation(silence_timeout_s=3.0, preroll_ms=410, barge_in=BargeIn.OFF)
    rules = Rules.of(conversation, Realtime(connect_timeout_s=2.0))
    assert (rules.silence_s, rules.preroll_frames, rules.barge_in, rules.connect_s) == (3.0, 21, BargeIn.OFF, 2.0)


def test_what_is_not_listed_changes_nothing_and_is_counted():
    play = Playbook()
    assert play.feed(SPEECH, DRAINED) == []
    assert play.machine.state is IDLE
    assert play.machine.ignored == {"IDLE/BargeInDetected": 1, "IDLE/PlayoutDrained": 1}


@pytest.mark.parametrize(
    "stale", [ev.SessionEnded(7), ev.SessionReady(0), ev.UserSpeechStarted(0), ev.ResponseStarted(0, "r")]
)
def test_events_of_another_session_are_stale(stale):
    play = Playbook()
    play.feed(*TO[LISTENING])
    assert play.feed(stale) == []
    assert play.machine.state is LISTENING
    assert play.machine.ignored[f"stale/{type(stale).__name__}"] == 1


def test_a_timer_that_fires_early_is_stale():
    play = Playbook()
    play.feed(WAKE)
    assert play.machine.handle(LATE, play.now_s + 4.999) == []
    assert play.machine.state is CONNECTING


def test_the_end_of_a_cancelled_response_does_not_end_the_next():
    play = Playbook()
    play.feed(*TO[INTERRUPTED], BEGIN, FLUSHED, END, OTHER)
    assert play.feed(ev.ResponseEnded(1, "r1", "cancelled", 0)) == []
    assert play.machine.state is THINKING


def test_functions_of_a_response_that_was_cut_off_hold_up_nothing():
    play = Playbook()
    play.feed(*TO[THINKING], CALLS, CALLED, BEGIN, FLUSHED, END, OTHER)
    assert play.feed(CALLS, SETTLED) == []
    assert play.machine.ignored["stale/ToolsCalled"] == 1
    assert (play.machine.state, play.machine.facts.tools) == (THINKING, False)


def test_functions_called_again_and_again_have_time_each_time():
    play = Playbook()
    play.feed(*TO[THINKING], CALLS, CALLED, DRAINED)
    play.now_s += 20.0
    play.feed(OTHER, ev.ToolsCalled(1, "r2"))
    assert play.machine.deadline_s == play.now_s + 25.0
    play.feed(ev.ResponseEnded(1, "r2", "completed", 900))
    play.feed(ev.ToolsSettled(1, "r2"))
    assert play.machine.state is THINKING, "what it said with them is still to sound"


def test_sound_from_before_a_flush_is_stale():
    play = Playbook()
    play.feed(*TO[SPEAKING], WAKE, OTHER)
    play.feed(AUDIBLE)
    assert play.machine.state is THINKING
    play.feed(FLUSHED, AUDIBLE)
    assert play.machine.state is SPEAKING


def test_a_flush_of_an_old_session_truncates_nothing_in_the_new_one():
    play = Playbook()
    play.feed(*TO[SPEAKING], LOST, WAKE, ev.SessionReady(2))
    assert play.machine.state is LISTENING
    assert play.feed(FLUSHED) == []


def test_a_reply_that_stutters_is_over_after_its_longest_time():
    play = Playbook(Rules(reply_s=20.0, think_s=15.0))
    play.feed(*TO[SPEAKING])
    began_s = play.now_s
    play.now_s += 10.0
    play.feed(DRY, AUDIBLE)
    assert play.machine.deadline_s == began_s + 20.0


def random_event(rng: random.Random, session: int) -> ev.Event:
    number = session if rng.random() < 0.9 else session - 1
    response = f"r{rng.randint(0, 2)}"
    return rng.choice(
        [
            WAKE,
            ev.StopRequested("x"),
            ev.SessionReady(number),
            ev.SessionEnded(number, rng.choice(["", "connection_lost"])),
            ev.UserSpeechStarted(number),
            ev.UserSpeechStopped(number),
            ev.NothingAsked(number),
            SPEECH,
            SPEECH,
            PERHAPS,
            NOT_SO,
            ev.ResponseStarted(number, response),
            ev.ResponseEnded(number, response, rng.choice(["completed", "cancelled", "failed"]), rng.choice([0, 500])),
            ev.ToolsCalled(number, response),
            ev.ToolsSettled(number, response),
            ev.GOODBYE,
            AUDIBLE,
            DRAINED,
            DRY,
            FLUSHED,
            LATE,
        ]
    )


@pytest.mark.parametrize("seed", range(300))
def test_random_runs_keep_the_invariants(seed):
    rng = random.Random(seed)
    machine, now_s = Machine(Rules(barge_in=rng.choice(list(BargeIn)))), 0.0
    uplink, open_session, ducked, paused = "closed", 0, False, False
    for _ in range(200):
        event = random_event(rng, machine.facts.session)
        now_s += rng.choice([0.0, 0.02, 1.0, 9.0])
        if isinstance(event, ev.DeadlineReached) and machine.deadline_s is not None and rng.random() < 0.5:
            now_s = max(now_s, machine.deadline_s)
        if isinstance(event, ev.SessionEnded) and event.session == open_session:
            open_session = 0
        for action in machine.handle(event, now_s):
            match action:
                case do.HoldUplink():
                    uplink = "held"
                case do.OpenUplink():
                    uplink = "open"
                case do.CloseUplink():
                    uplink = "closed"
                case do.AbortSession():
                    open_session = 0
                case do.OpenSession(number):
                    assert open_session == 0, "two sessions"
                    open_session = number
                case do.DuckPlayout():
                    ducked = True
                case do.RestorePlayout():
                    assert ducked
                    ducked = False
                case do.PausePlayout():
                    paused = True
                case do.ResumePlayout():
                    assert paused
                    assert not ducked, "restored before it sounds"
                    paused = False
                case do.FlushPlayout():
                    ducked = paused = False
                case _:
                    pass
        state = machine.state
        assert (machine.deadline_s is None) == (state is IDLE)
        if state is CONNECTING or (state is SPEAKING and not machine.facts.drained):
            assert uplink == "held"
        assert paused == (state is INTERRUPTED)
        assert not ducked or state in (SPEAKING, INTERRUPTED)
        assert ducked == machine.facts.ducked
        if state in (LISTENING, INTERRUPTED):
            assert uplink == "open"
        if state is THINKING:
            assert uplink in ("open", "held")
        if state is IDLE:
            assert uplink == "closed"
            assert open_session == 0, "a session that nobody minds"
    for _ in range(12):  # left alone, it reaches IDLE
        if machine.deadline_s is not None:
            machine.handle(LATE, machine.deadline_s)
    assert machine.state is IDLE
