"""Which pair of cards is taken."""

from __future__ import annotations

from speakerd.doctor.chirp import Echo, Reach
from speakerd.errors import DeviceError
from speakerd.installation.cards import Pair, clearest, try_all


def echo(level_dbfs: float, sweeps: int = 2) -> Reach:
    return Reach(Echo(40.0, level_dbfs, 20.0, sweeps, 2, 0), -60.0, 0, 0)


ROOM = {
    Pair("webcam", "hdmi"): Reach(None, -60.0, 0, 0),
    Pair("array", "hdmi"): Reach(None, -60.0, 0, 0),
    Pair("webcam", "usb"): echo(-50.0),
    Pair("array", "usb"): echo(-31.0),
}


def test_each_loudspeaker_is_tried_with_each_microphone_and_the_clearest_is_taken():
    tried = list(try_all(["webcam", "array"], ["hdmi", "usb"], ROOM.__getitem__))
    assert [one.pair for one in tried] == list(ROOM)
    best = clearest(tried)
    assert best is not None
    assert best.pair == Pair("array", "usb")


def test_a_sound_found_twice_is_clearer_than_a_loud_one_found_once():
    sounds = {"near": echo(-50.0, 2), "bang": echo(-10.0, 1)}
    best = clearest(list(try_all(["near", "bang"], ["usb"], lambda pair: sounds[pair.capture])))
    assert best is not None
    assert best.pair.capture == "near"


def test_a_card_that_fails_is_told_and_the_others_are_tried():
    def listen(pair: Pair) -> Reach:
        if pair.capture == "busy":
            raise DeviceError("busy", "Device or resource busy")
        return echo(-40.0)

    tried = list(try_all(["busy", "free"], ["usb"], listen))
    assert ["busy" in one.trouble for one in tried] == [True, False]
    best = clearest(tried)
    assert best is not None
    assert best.pair.capture == "free"


def test_nothing_heard_is_nothing_taken():
    assert clearest(list(try_all(["webcam"], ["hdmi"], ROOM.__getitem__))) is None
