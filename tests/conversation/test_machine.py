"""The guards, and what the rules of the configuration do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.playbook import (
    ALONE,
    ANSWER,
    ANSWERED,
    AUDIBLE,
    BEGIN,
    CALLED,
    CALLS,
    CONNECTING,
    CUT,
    DRAINED,
    DRY,
    END,
    FLUSHED,
    GOODBYE,
    IDLE,
    INTERRUPTED,
    LATE,
    LISTENING,
    LOST,
    NOT_SO,
    OTHER,
    PERHAPS,
    SETTLED,
    SPEAKING,
    SPEECH,
    TAIL,
    THINKING,
    TO,
    WAKE,
    Playbook,
)

from speakerd.config.model import BargeIn, Conversation, Realtime
from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.state import Rules

NEVER = ev.ResponseEnded(1, "", "failed", 0, "server_error")


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
        assert talk_of_the_television(play) == [do.HoldUplink(), do.EndTurn()]
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
def test_who_began_to_speak_while_the_reply_had_run_dry_may_finish(barge_in):
    play = Playbook(Rules(barge_in=barge_in))
    play.feed(*TO[SPEAKING], DRY, BEGIN, ANSWERED, DRAINED)
    assert (play.machine.state, play.machine.deadline_s) == (LISTENING, play.now_s + 60.0)
    play = Playbook(Rules(barge_in=barge_in))
    play.feed(*TO[SPEAKING], DRY, BEGIN, END, ANSWERED, DRAINED)
    assert (play.machine.state, play.machine.deadline_s) == (LISTENING, play.now_s + 8.0)


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


def test_an_answer_to_functions_that_never_began_ends_the_waiting_with_a_sound():
    play = Playbook()
    play.feed(*TO[THINKING], CALLS, CALLED)
    assert play.machine.state is THINKING
    assert do.PlayEarcon(do.Earcon.ERROR) in play.feed(NEVER)
    assert play.machine.state is LISTENING


def test_an_answer_that_never_began_ends_the_waiting_of_its_own_turn_alone():
    play = Playbook()
    play.feed(*TO[THINKING])
    assert play.feed(NEVER) == [], "another one runs"
    play = Playbook()
    play.feed(*TO[LISTENING], BEGIN, END)
    assert play.feed(replace(NEVER, session=0)) == []
    assert play.machine.state is THINKING
    assert do.PlayEarcon(do.Earcon.ERROR) in play.feed(NEVER)
    assert play.machine.state is LISTENING


def test_what_was_said_before_an_answer_that_never_began_is_heard_to_its_end():
    play = Playbook()
    play.feed(*TO[SPEAKING], CALLS, CALLED, NEVER)
    assert play.machine.state is SPEAKING
    play.feed(DRAINED)
    assert play.machine.state is LISTENING
