"""When speech may not interrupt, and how that is over again."""

from __future__ import annotations

import numpy as np
import pytest
from support.echo_parts import LOUD, Canceller, far, make, near

from speakerd.conversation.events import BargeInDetected, BargeInDismissed, BargeInSuspected
from speakerd.mic.duplex import (
    DISTRUST_FRAMES,
    OFF,
    POOR,
    STORM,
    WORDLESS,
    WORDLESS_FRAMES,
    WORDLESS_LIMIT,
    Duplex,
)
from speakerd.mic.echoless import LOUD_FRAMES
from speakerd.mic.echometer import WINDOW_FRAMES, WINDOWS
from speakerd.pcm import NOTHING_PLAYS, FarFrame, NearFrame


def test_without_a_canceller_only_the_wake_word_interrupts() -> None:
    duplex = Duplex(None, None, None)
    clean, events = duplex.process(near(0), far())
    assert duplex.half_duplex == OFF
    assert clean.samples is LOUD
    assert not clean.echo_free
    assert events == ()


def test_an_echo_that_stays_means_half_duplex_until_it_is_gone() -> None:
    duplex, canceller, judge = make(erle_db=3.0)
    for index in range(WINDOW_FRAMES * WINDOWS):
        duplex.process(near(index), far())
    assert duplex.half_duplex == POOR
    judge.says = BargeInDetected(0, -20.0)
    clean, events = duplex.process(near(999), far())
    assert events == (BargeInDismissed(),), "a duck must not last"
    assert not clean.echo_free
    judge.says = BargeInSuspected(0)
    assert duplex.process(near(999), far())[1] == ()
    judge.says = BargeInDismissed()
    assert duplex.process(near(1_000), far())[1] == (BargeInDismissed(),), "a duck must not last"
    canceller.erle_db = 40.0
    for index in range(WINDOW_FRAMES * WINDOWS):
        duplex.process(near(index), far())
    assert duplex.half_duplex == ""


def test_where_there_is_no_echo_what_the_canceller_leaves_is_the_user() -> None:
    duplex, _, _ = make(erle_db=3.0)
    for index in range(LOUD_FRAMES):
        duplex.process(NearFrame(np.zeros(320, np.int16), index, 0.0), far())
    user = np.random.default_rng(1).integers(-9_000, 9_000, (WINDOW_FRAMES * WINDOWS, 320)).astype(np.int16)
    for index, sound in enumerate(user):
        clean, _ = duplex.process(NearFrame(sound, index, 0.0), far())
    assert duplex.half_duplex == ""
    assert clean.echo_free


def test_what_the_microphone_hears_of_the_loudspeaker_ends_the_trust_that_there_is_no_echo() -> None:
    """As when its own switch is turned on again."""
    duplex, _, _ = make()
    nothing = np.zeros(320, np.int16)
    played = np.random.default_rng(1).integers(-9_000, 9_000, (LOUD_FRAMES + 100, 320)).astype(np.int16)
    for index in range(LOUD_FRAMES):
        clean, _ = duplex.process(NearFrame(nothing, index, 0.0), FarFrame(played[index], playing=True))
    assert clean.samples is nothing
    for index in range(LOUD_FRAMES, len(played)):
        echo = played[index - 1] // 3
        clean, _ = duplex.process(NearFrame(echo, index, 0.0), FarFrame(played[index], playing=True))
    assert clean.samples is not echo


def test_a_question_asked_at_once_after_the_start_hides_no_echo() -> None:
    duplex, _, _ = make()
    sound = np.random.default_rng(1).integers(-9_000, 9_000, (200, 320)).astype(np.int16)
    for index in range(100):
        duplex.process(NearFrame(sound[index], index, 0.0), NOTHING_PLAYS)
    for index in range(100, 100 + 2 * LOUD_FRAMES):
        echo = sound[index - 90] // 10  # of what came so long before: as little explained as at the start
        clean, _ = duplex.process(NearFrame(echo, index, 0.0), FarFrame(sound[index], playing=True))
    assert clean.samples is not echo


def test_a_storm_means_half_duplex() -> None:
    duplex, _, judge = make()
    judge.storm = True
    judge.says = BargeInSuspected(0)
    assert duplex.process(near(0), far())[1] == ()
    assert duplex.half_duplex == STORM


def test_where_speech_is_not_to_interrupt_nothing_is_told_of_it_but_bad_echo_stays_untrusted() -> None:
    duplex = Duplex(Canceller(3.0), None, None)
    for index in range(WINDOW_FRAMES * WINDOWS):
        duplex.process(near(index), far())
    assert duplex.half_duplex == ""
    assert not duplex.process(near(0), far())[0].echo_free


def test_interruptions_that_bring_no_words_leave_the_wake_word_alone_for_a_while() -> None:
    duplex, _, judge = make()
    for _ in range(WORDLESS_LIMIT - 1):
        duplex.no_words_followed()
        duplex.process(near(0), far())
    assert duplex.half_duplex == ""
    duplex.no_words_followed()
    duplex.process(near(0), NOTHING_PLAYS)
    assert duplex.half_duplex == "", "only playback counts"
    judge.says = BargeInDetected(0, -20.0)
    assert duplex.process(near(0), far())[1] != (BargeInDetected(0, -20.0),)
    assert duplex.half_duplex == WORDLESS
    for index in range(DISTRUST_FRAMES):
        duplex.process(near(index), far())
    assert duplex.half_duplex == ""


def test_false_alarms_minutes_apart_cost_nothing() -> None:
    duplex, _, _ = make()
    for _ in range(2 * WORDLESS_LIMIT):
        duplex.no_words_followed()
        for index in range(WORDLESS_FRAMES // (WORDLESS_LIMIT - 1)):
            duplex.process(near(index), far())
        assert duplex.half_duplex == ""


def test_a_lost_alignment_is_told_to_the_judge_and_makes_nothing_better() -> None:
    duplex, _, judge = make(erle_db=3.0)
    for index in range(WINDOW_FRAMES * WINDOWS):
        duplex.process(near(index), far())
    duplex.process(near(0), far(aligned=False))
    assert judge.realignments == 1
    assert duplex.half_duplex == POOR, "until the new path has proved to be a good one"


@pytest.mark.parametrize("to_ms", [80, 20])
def test_what_an_echo_that_jumped_sounds_like_is_no_interruption(to_ms: int) -> None:
    duplex, _, judge = make()
    sound = np.random.default_rng(3).standard_normal(320 * 150) * 3_000
    for index in range(150):
        delay = (80 if index < 120 else to_ms) * 16
        heard = np.concatenate([np.zeros(delay), sound])[320 * index :][:320]
        if index == 149:
            judge.says = BargeInDetected(index, -20.0)
        _, events = duplex.process(
            NearFrame((heard / 4).astype(np.int16), index, 0.0),
            FarFrame(sound[320 * index :][:320].astype(np.int16), playing=True, aligned=True),
        )
    jumped = to_ms != 80
    assert events == ((BargeInDismissed(),) if jumped else (BargeInDetected(149, -20.0),))
    assert duplex.jumps == jumped
