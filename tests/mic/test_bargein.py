"""The judge of interruptions, by playbook: scores in, events out."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from speakerd.conversation.events import BargeInDetected, BargeInDismissed, BargeInSuspected
from speakerd.mic.bargein import (
    DIPS_PER_MINUTE,
    LEARNED,
    REST_FRAMES,
    RULE,
    STORM_LEAST_FRAMES,
    SUSPECT_FRAMES,
    WARM_UP_FRAMES,
    BargeInJudge,
)

ECHO, PERHAPS, SURE = -6.0, (LEARNED.suspect + LEARNED.confirm) / 2, 6.0


class Player:
    """Feeds a judge and keeps what it said, with the frame's number."""

    def __init__(self, judge: BargeInJudge | None = None, warm: bool = True) -> None:
        self.judge = judge or BargeInJudge()
        self.index = 1000
        self.said: list[tuple[int, object]] = []
        if warm:
            self.feed([ECHO] * WARM_UP_FRAMES)

    def feed(self, scores: Iterable[float]) -> list[type]:
        """Kinds of the events that these scores caused."""
        before = len(self.said)
        for score in scores:
            event = self.judge.feed(self.index, score, -30.0)
            if event is not None:
                self.said.append((self.index, event))
            self.index += 1
        return [type(event) for _, event in self.said[before:]]


def suspecting(player: Player) -> Player:
    """Fed until the first event, a suspicion."""
    while not player.said:
        player.feed([SURE])
    assert isinstance(player.said[0][1], BargeInSuspected)
    return player


def test_a_voice_is_suspected_then_detected():
    assert Player().feed([SURE] * 50) == [BargeInSuspected, BargeInDetected]


def test_it_is_quick():
    player = Player()
    start = player.index
    player.feed([SURE] * 50)
    assert player.said[0][0] - start <= 5
    assert player.said[1][0] - start <= 15


def test_the_onset_is_before_the_suspicion_and_the_same_in_both_events():
    player = Player()
    start = player.index
    player.feed([SURE] * 50)
    (_, suspected), (_, detected) = player.said
    assert isinstance(suspected, BargeInSuspected)
    assert isinstance(detected, BargeInDetected)
    assert detected.onset_index == suspected.onset_index
    assert start - 10 <= detected.onset_index <= start + 2
    assert detected.level_dbfs == -30.0


def test_one_voice_interrupts_once():
    assert Player().feed([SURE] * 300).count(BargeInDetected) == 1


def test_echo_alone_says_nothing():
    assert Player().feed([ECHO, -2.0, -4.0] * 500) == []


def test_what_is_not_confirmed_in_time_is_dismissed():
    player = Player()
    assert player.feed([PERHAPS] * (SUSPECT_FRAMES + 20)) == [BargeInSuspected, BargeInDismissed]
    (suspected, _), (dismissed, _) = player.said
    assert dismissed - suspected == SUSPECT_FRAMES


def test_a_suspicion_is_confirmed_by_less_than_it_takes_without_one():
    score = (LEARNED.confirm + LEARNED.certain) / 2
    assert Player().feed([score] * 60)[:2] == [BargeInSuspected, BargeInDetected]


def test_after_a_dismissal_there_is_rest():
    player = Player()
    player.feed([PERHAPS] * (SUSPECT_FRAMES + 10) + [ECHO] * 10)
    assert player.feed([PERHAPS] * (REST_FRAMES - 25)) == []
    assert player.feed([PERHAPS] * 30) == [BargeInSuspected]


def test_certainty_needs_no_rest():
    player = Player()
    player.feed([PERHAPS] * (SUSPECT_FRAMES + 10))
    assert player.feed([SURE] * 40) == [BargeInDetected]


def test_dips_for_nothing_are_limited_in_a_minute_but_certainty_is_not():
    player = Player()
    doubt = [PERHAPS] * 60 + [ECHO] * 100
    for _ in range(DIPS_PER_MINUTE):
        assert player.feed(doubt) == [BargeInSuspected, BargeInDismissed]
    assert player.feed(doubt) == []
    assert player.feed([SURE] * 40) == [BargeInDetected]
    player.judge.silence()
    player.feed([ECHO] * 3_000)
    assert player.feed(doubt) == [BargeInSuspected, BargeInDismissed]


def test_nothing_is_said_in_the_warm_up():
    player = Player(warm=False)
    assert player.feed([SURE] * WARM_UP_FRAMES) == []


def test_a_new_alignment_warms_up_again():
    player = Player()
    player.judge.realigned()
    assert player.feed([SURE] * (WARM_UP_FRAMES - 1)) == []


def test_a_realignment_leaves_no_dip_open():
    player = suspecting(Player())
    player.judge.realigned()
    assert BargeInDismissed in player.feed([ECHO] * SUSPECT_FRAMES)


def test_silence_dismisses_what_was_open():
    player = suspecting(Player())
    assert player.judge.silence() == BargeInDismissed()
    assert player.judge.silence() is None


def test_after_silence_a_voice_interrupts_anew():
    player = Player()
    player.feed([SURE] * 50)
    player.judge.silence()
    player.feed([ECHO] * 5)
    assert player.feed([SURE] * 50)[-1] is BargeInDetected


def test_firing_on_more_than_half_is_a_storm_which_says_nothing_and_passes():
    player = Player(warm=False)
    player.feed([SURE] * (STORM_LEAST_FRAMES + 5))
    assert player.judge.storm
    assert player.feed([SURE] * 500) == []
    player.feed([ECHO] * 400)
    assert not player.judge.storm
    assert player.feed([SURE] * 50)[-1] is BargeInDetected


def test_a_storm_closes_an_open_suspicion():
    player = Player()
    player.feed([SURE] * 40)  # detected, and the assistant plays on all the same
    said = player.feed([PERHAPS] * 400)
    assert player.judge.storm
    assert said.count(BargeInSuspected) == said.count(BargeInDismissed)


def test_an_interruption_now_and_then_is_no_storm():
    player = Player()
    for _ in range(20):
        player.feed([ECHO] * 150 + [SURE] * 25)
        player.judge.silence()
    assert not player.judge.storm


@pytest.mark.parametrize(("passed", "said"), [(13, [BargeInSuspected, BargeInDetected]), (8, [])])
def test_the_rule_needs_25_of_30(passed, said):
    player = Player(BargeInJudge(RULE), warm=False)
    player.feed([0.0] * WARM_UP_FRAMES)
    assert player.feed([n / 15 for n in range(passed + 1)]) == said


def test_dips_that_were_right_do_not_count():
    player = Player()
    for _ in range(2 * DIPS_PER_MINUTE):
        assert player.feed([SURE] * 50) == [BargeInSuspected, BargeInDetected]
        player.judge.silence()
        player.feed([ECHO] * 200)
