"""A canceller is poor if it leaves more echo than the room has sound of its own."""

import pytest

from speakerd.mic.echometer import LEAST_WINDOWS, ROOM_AFTER_FRAMES, WINDOW_FRAMES, WINDOWS, EchoMeter

FIVE_SECONDS = WINDOW_FRAMES * WINDOWS
LEAST_FRAMES = WINDOW_FRAMES * LEAST_WINDOWS


def feed(meter: EchoMeter, frames: int, near_dbfs: float, out_dbfs: float, *, far: bool) -> None:
    for _ in range(frames):
        meter.feed(near_dbfs, out_dbfs, far_audible=far)


def test_the_figures_are_those_that_were_fed() -> None:
    meter = EchoMeter()
    feed(meter, 100, -60, -60, far=False)
    feed(meter, FIVE_SECONDS, -25, -58, far=True)
    figures = meter.take()
    assert figures.erle_db == pytest.approx(33, abs=0.1)
    assert figures.echo_dbfs == pytest.approx(-25, abs=0.1)
    assert meter.take().erle_db is None, "the next conversation has figures of its own"


def test_too_little_echo_is_no_figure() -> None:
    meter = EchoMeter()
    feed(meter, 3 * WINDOW_FRAMES, -25, -58, far=True)
    assert meter.take().erle_db is None


def test_an_echo_left_over_for_three_of_five_seconds_is_poor() -> None:
    meter = EchoMeter()
    feed(meter, FIVE_SECONDS, -25, -58, far=True)
    feed(meter, FIVE_SECONDS * 3 // 5, -25, -30, far=True)
    assert not meter.poor
    feed(meter, WINDOW_FRAMES, -25, -30, far=True)
    assert meter.poor


def test_a_canceller_that_learns_is_good_again() -> None:
    meter = EchoMeter()
    feed(meter, FIVE_SECONDS, -25, -30, far=True)
    feed(meter, FIVE_SECONDS, -25, -55, far=True)
    assert not meter.poor


def test_a_user_who_speaks_for_two_seconds_is_not_an_echo() -> None:
    meter = EchoMeter()
    feed(meter, FIVE_SECONDS, -25, -55, far=True)
    feed(meter, 100, -20, -22, far=True)
    assert not meter.poor


def test_people_who_speak_where_no_echo_is_heard_are_none() -> None:
    meter = EchoMeter()
    for _ in range(10):
        feed(meter, 60, -70, -70, far=True)  # headphones: the microphone hears nothing of it
        feed(meter, 60, -30, -32, far=True)
    assert not meter.poor


def test_music_in_the_room_is_not_an_echo() -> None:
    meter = EchoMeter()
    feed(meter, 500, -40, -42, far=False)
    feed(meter, 2 * FIVE_SECONDS, -28, -38, far=True)  # 10 dB only: the rest is music
    assert not meter.poor


def test_an_echo_no_louder_than_the_room_says_nothing() -> None:
    meter = EchoMeter()
    feed(meter, 500, -50, -50, far=False)
    feed(meter, 2 * FIVE_SECONDS, -47, -46, far=True)
    assert not meter.poor
    assert meter.take().erle_db is None


def test_an_echo_in_the_assistants_pauses_is_not_the_room() -> None:
    meter = EchoMeter()
    for _ in range(12):
        feed(meter, 30, -25, -28, far=True)
        feed(meter, ROOM_AFTER_FRAMES, -25, -28, far=False)  # so late the echo comes
    assert meter.poor


def test_a_user_who_answers_after_each_reply_is_not_the_room() -> None:
    meter = EchoMeter()
    for _ in range(6):
        feed(meter, 150, -30, -34, far=True)
        feed(meter, 110, -25, -25, far=False)  # the user
        feed(meter, 40, -60, -60, far=False)  # a pause
    assert meter.poor
    echo_dbfs = meter.take().echo_dbfs
    assert echo_dbfs == pytest.approx(-30, abs=0.1)


def test_a_new_path_has_nothing_to_prove_but_after_a_poor_one() -> None:
    meter = EchoMeter()
    meter.forget()
    assert not meter.poor
    feed(meter, FIVE_SECONDS, -25, -30, far=True)
    meter.forget()
    feed(meter, LEAST_FRAMES - 1, -25, -58, far=True)
    assert meter.poor
    feed(meter, 1, -25, -58, far=True)
    assert not meter.poor


def test_a_question_asked_at_once_after_the_start_is_not_the_room() -> None:
    meter = EchoMeter()
    quiet_power = meter.floor_power
    feed(meter, ROOM_AFTER_FRAMES + 4 * WINDOW_FRAMES, -22, -22, far=False)
    assert meter.floor_power == quiet_power


def test_the_quietest_of_the_room_is_heard_between_the_words_of_those_who_speak_in_it() -> None:
    meter = EchoMeter()
    for _ in range(10):
        feed(meter, 8 * WINDOW_FRAMES, -25, -25, far=False)
        feed(meter, 2 * WINDOW_FRAMES, -50, -50, far=False)
    assert meter.floor_power == pytest.approx(1e-5)
