from __future__ import annotations

from speakerd.mic.endpoint import HANGOVER_FRAMES, Endpoint, Turning


def turnings(pattern: str, first_index: int = 0) -> list[tuple[int, Turning]]:
    """Feed `v` for a voiced and `.` for an unvoiced frame; (index of decision, what was decided)."""
    endpoint = Endpoint()
    fed = [(i, endpoint.feed(i, c == "v")) for i, c in enumerate(pattern, first_index)]
    return [(i, turning) for i, turning in fed if turning is not None]


def test_speech_starts_at_the_first_of_six_voiced_frames() -> None:
    assert turnings("...vvvvvv") == [(8, Turning(True, 3))]


def test_two_holes_are_bridged_and_a_third_is_not() -> None:
    assert turnings("vv.vv.vv") == [(7, Turning(True, 0))]
    assert turnings("vv.v.v.v.v.v.v.v") == []


def test_clicks_never_start_speech() -> None:
    assert turnings("vvv......" * 20) == []


def test_speech_stops_after_the_hangover_where_its_silence_began() -> None:
    assert turnings("vvvvvv" + "." * (HANGOVER_FRAMES - 1)) == [(5, Turning(True, 0))]
    assert turnings("vvvvvv" + "." * HANGOVER_FRAMES)[1:] == [(5 + HANGOVER_FRAMES, Turning(False, 6))]


def test_a_pause_shorter_than_the_hangover_keeps_the_speech_whole() -> None:
    pause = "." * (HANGOVER_FRAMES - 1)
    heard = turnings("vvvvvv" + pause + "v" + pause + "v" + "." * HANGOVER_FRAMES)
    assert [turning for _, turning in heard] == [Turning(True, 0), Turning(False, 6 + 2 * len(pause) + 2)]


def test_speech_can_start_again_and_indexes_are_those_that_were_fed() -> None:
    heard = turnings(("vvvvvv" + "." * HANGOVER_FRAMES) * 2, first_index=1_000)
    assert [t for _, t in heard] == [
        Turning(True, 1_000),
        Turning(False, 1_006),
        Turning(True, 1_006 + HANGOVER_FRAMES),
        Turning(False, 1_012 + HANGOVER_FRAMES),
    ]
