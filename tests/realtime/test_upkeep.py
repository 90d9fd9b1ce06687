"""When a spare is opened, put away or brought in; and what the one that takes over is told."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from speakerd.conversation.events import UserSpeechStopped
from speakerd.realtime.luggage import Luggage
from speakerd.realtime.outputs import Fatal, Said
from speakerd.realtime.renewal import Renewal, ends_s
from speakerd.realtime.upkeep import Step, Upkeep

OLD, FRESH = Renewal(0.0, 1.0), Renewal(0.0, 100_000.0)
NOW_S = 1_000.0


@dataclass
class Stand:
    """A session as it stands."""

    ready: bool = True
    closing: bool = False
    at_rest: bool = True
    renewal: Renewal | None = FRESH


def upkeep(*, warm: bool = False, pausing: bool = True) -> Upkeep:
    made = Upkeep(lambda: 0.5)
    made.keep_warm, made.pausing = warm, pausing
    return made


CURRENT_DUE = Stand(renewal=OLD)
DIALLING = Stand(ready=False, at_rest=False, renewal=None)


@pytest.mark.parametrize(
    ("warm", "current", "spare", "step"),
    [
        (False, None, None, None),
        (True, None, None, Step.DIAL),
        (True, None, DIALLING, None),
        (True, None, Stand(), None),
        (True, None, Stand(renewal=OLD), Step.RETIRE),
        (True, Stand(), None, None),
        (True, Stand(closing=True), None, Step.DIAL),
        (False, Stand(closing=True), None, None),
        (False, CURRENT_DUE, None, Step.DIAL),
        (False, CURRENT_DUE, DIALLING, None),
        (False, CURRENT_DUE, Stand(), Step.RENEW),
        (False, Stand(renewal=OLD, at_rest=False), Stand(), None),
        (False, CURRENT_DUE, Stand(renewal=OLD), Step.RETIRE),
        (False, Stand(), Stand(), None),
        (False, Stand(renewal=OLD, closing=True), None, None),
        (False, Stand(renewal=OLD, closing=True), Stand(), Step.RETIRE),
        (False, None, Stand(), Step.RETIRE),
    ],
)
def test_the_steps(warm, current, spare, step):
    assert upkeep(warm=warm).step(current, spare, NOW_S) is step


def test_nothing_takes_over_while_somebody_speaks():
    assert upkeep(pausing=False).step(CURRENT_DUE, Stand(), NOW_S) is None


def test_after_a_loss_a_spare_waits_for_its_time():
    keeper = upkeep(warm=True)
    keeper.dialled(NOW_S)
    keeper.lost_spare(Fatal("connection_refused", ""), NOW_S)
    assert keeper.step(None, None, NOW_S) is None
    assert keeper.next_s(None, None, NOW_S) == NOW_S + 1
    assert keeper.step(None, None, NOW_S + 1) is Step.DIAL
    keeper.lost_spare(Fatal("connection_refused", ""), NOW_S + 1)
    assert keeper.next_s(None, None, NOW_S + 1) == NOW_S + 3, "twice as long"
    keeper.dialled(NOW_S)
    keeper.lost_spare(Fatal("connection_lost", ""), NOW_S + 60)
    assert keeper.next_s(None, None, NOW_S + 60) == NOW_S + 61, "one that held for a while begins anew"


def test_a_service_whose_sessions_are_over_in_a_moment_is_not_dialled_in_a_storm():
    keeper = upkeep(warm=True)
    for wait_s in (1, 2, 4):
        keeper.dialled(NOW_S)
        assert keeper.step(None, Stand(renewal=OLD), NOW_S) is Step.RETIRE
        keeper.retired(NOW_S)
        assert keeper.step(None, None, NOW_S) is None
        assert keeper.next_s(None, None, NOW_S) == NOW_S + wait_s
    keeper = upkeep(warm=True)
    keeper.dialled(NOW_S)
    keeper.retired(NOW_S + 3_000)
    assert keeper.step(None, None, NOW_S + 3_000) is Step.DIAL, "it was old"


def test_a_refused_key_is_of_no_use_until_a_conversation_shows_otherwise():
    keeper = upkeep(warm=True)
    keeper.lost_spare(Fatal("key_refused", ""), NOW_S)
    assert keeper.hopeless
    assert keeper.step(None, None, 1e12) is None
    keeper.connected()
    assert not keeper.hopeless
    assert keeper.step(None, None, NOW_S) is Step.DIAL


def test_a_conversation_that_ends_in_order_costs_no_wait():
    keeper = upkeep(warm=True)
    keeper.lost_current(None, NOW_S)
    assert keeper.step(None, None, NOW_S) is Step.DIAL
    keeper.lost_current(Fatal("server_error", ""), NOW_S)
    assert keeper.step(None, None, NOW_S) is None


def test_it_looks_again_when_a_session_becomes_old():
    keeper = upkeep()
    soon = Stand(renewal=Renewal(NOW_S, NOW_S + 100))
    assert keeper.next_s(soon, None, NOW_S) == NOW_S + 90
    assert keeper.next_s(Stand(renewal=Renewal(NOW_S, None)), None, NOW_S) == math.inf
    assert keeper.next_s(None, soon, NOW_S) == NOW_S + 90


@pytest.mark.parametrize(
    ("server_time_s", "expires_at_s", "ends"),
    [(500.0, 4_100, 3_610.0), (None, 4_100, 3_610.0), (9_000.0, 4_100, 3_610.0), (500.0, 0, None), (500.0, 560, 70.0)],
)
def test_the_end_is_told_by_the_servers_clock(server_time_s, expires_at_s, ends):
    assert ends_s(10.0, server_time_s, expires_at_s) == ends


# ------------------------------------------------------------ luggage


@dataclass
class Heir:
    """A fresh session."""

    said: list = field(default_factory=list)
    sound: bytes = b""

    def remind(self, said):
        self.said = list(said)

    def append_audio(self, pcm):
        self.sound += pcm


def handed(luggage: Luggage) -> Heir:
    heir = Heir()
    luggage.hand_to(heir)
    return heir


def test_the_heir_gets_what_was_said_and_the_sound_that_is_not_heard_yet():
    luggage = Luggage()
    luggage.keep(b"\1\1")
    luggage.take(UserSpeechStopped(1))
    luggage.take(Said("user", "Hello.", "u1"))
    luggage.keep(b"\2\2")
    heir = handed(luggage)
    assert heir.said == [("user", "Hello.")]
    assert heir.sound == b"\2\2", "the first turn is an item already"
    luggage.clear()
    assert handed(luggage) == Heir()


def test_in_doubt_much_is_kept_and_else_little():
    luggage, second = Luggage(), b"\0\0" * 24_000
    luggage.doubt()
    for _ in range(3):
        luggage.keep(second)
    assert len(handed(luggage).sound) == 3 * len(second)
    luggage.trust()
    assert len(handed(luggage).sound) <= len(second)
