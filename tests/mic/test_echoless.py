"""Whether the loudspeaker is heard at all."""

from __future__ import annotations

from itertools import chain, repeat

import pytest

from speakerd.mic.echoless import FAINT_DBFS, LOUD_FRAMES, PAUSE_FRAMES, SILENT_FRAMES, TRUSTED_FRAMES, Echoless

ROOM = 1e-6
HEARD = 10 * ROOM
PLAYS, PAUSES = -20.0, -120.0


def fed(
    near: float, far_dbfs: float = PLAYS, frames: int = LOUD_FRAMES, to: Echoless | None = None, left: float = 1.0
) -> Echoless:
    """One that was fed the same so often; `left`: what the loudspeaker does not explain of it."""
    echoless = to or Echoless()
    for _ in range(frames):
        echoless.feed(near, left * near, far_dbfs, ROOM)
    return echoless


def test_a_loud_reference_of_which_nothing_is_heard_is_a_proof() -> None:
    assert not fed(ROOM, frames=LOUD_FRAMES - 1).proven
    assert fed(ROOM).proven


def test_a_reference_that_is_heard_is_none() -> None:
    assert not fed(HEARD, frames=1_000).proven


def test_one_that_is_hardly_louder_than_the_room_is_still_heard() -> None:
    assert not fed(2.1 * ROOM, frames=1_000).proven
    assert fed(1.9 * ROOM).proven


def test_a_click_does_not_hide_the_silence_for_long() -> None:
    echoless = fed(ROOM, frames=LOUD_FRAMES - 5)
    fed(100 * ROOM, frames=1, to=echoless)
    assert not fed(ROOM, frames=SILENT_FRAMES - 1, to=echoless).proven
    assert fed(ROOM, frames=1, to=echoless).proven


@pytest.mark.parametrize(("pause", "proven"), [(PAUSE_FRAMES, True), (PAUSE_FRAMES + 1, False)])
def test_in_a_pause_there_is_nothing_to_be_heard(pause: int, proven: bool) -> None:
    echoless = Echoless()
    for far_dbfs in chain(*repeat([PLAYS, *[PAUSES] * pause], 10)):
        echoless.feed(ROOM, ROOM, far_dbfs, ROOM)
    assert echoless.proven is proven


def test_what_is_much_fainter_than_the_reference_can_be_proves_nothing_of_its_loud_parts() -> None:
    echoless = fed(HEARD)
    assert not fed(ROOM, PLAYS - 12.0, LOUD_FRAMES, echoless).proven
    assert fed(ROOM, PLAYS - 12.0, 200, echoless).proven, "it has been turned down"


def test_a_faint_reference_proves_nothing() -> None:
    assert not fed(ROOM, FAINT_DBFS - 1.0, 1_000).proven


def test_the_users_words_do_not_change_what_is_proven_but_time_does() -> None:
    echoless = fed(ROOM)
    fed(100 * ROOM, frames=1, to=echoless)
    assert fed(HEARD, frames=TRUSTED_FRAMES - 2, to=echoless).proven
    assert not fed(HEARD, frames=1, to=echoless).proven


def test_nothing_is_proven_of_a_reference_that_is_turned_up() -> None:
    echoless = fed(ROOM, PLAYS - 20.0)
    assert fed(ROOM, PLAYS - 15.0, 1, echoless).proven, "words vary so much"
    assert not fed(HEARD, PLAYS, 1, echoless).proven
    assert not fed(HEARD, PLAYS - 20.0, 1, echoless).proven
    assert fed(ROOM, PLAYS, to=echoless).proven, "it is not heard even so"
    assert fed(ROOM, PLAYS - 20.0, 300, echoless).proven
    assert fed(ROOM, PLAYS, 1, echoless).proven, "it was this loud before"


def test_a_room_that_was_much_louder_before_proves_nothing() -> None:
    radio, echo, faint = 1e-3, 5e-5, 5e-7
    echoless = Echoless()
    for power, proven in ((echo, False), (0.2 * radio, True)):
        for _ in range(LOUD_FRAMES + TRUSTED_FRAMES):
            echoless.feed(power, power, PLAYS, radio)
        assert echoless.proven is proven
    echoless = Echoless()
    for _ in range(LOUD_FRAMES):
        echoless.feed(faint, faint, PLAYS, radio)
    assert echoless.proven, "who could be bothered by that"


def test_what_the_loudspeaker_explains_is_heard_though_the_room_was_louder_before() -> None:
    assert not fed(0.1 * ROOM, frames=1_000, left=0.7).proven
    echoless = fed(0.1 * ROOM, left=0.9)
    assert echoless.proven
    assert not fed(HEARD, frames=SILENT_FRAMES, to=echoless, left=0.7).proven, "as after a mute that is over"
