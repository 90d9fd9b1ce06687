"""The gate joined to the wire."""

from __future__ import annotations

import numpy as np

from speakerd.config.model import Realtime, TurnDetection
from speakerd.mic.gatekeeper import END_TURN_MARGIN_MS, Gatekeeper
from speakerd.pcm import NearFrame


def frame(index: int) -> NearFrame:
    return NearFrame(np.full(320, 1000, np.int16), index, index * 0.02)


def test_only_what_the_gate_lets_through_is_sent():
    sent: list[bytes] = []
    keeper = Gatekeeper(sent.append, Realtime())
    for index in range(20):
        keeper.push(frame(index))
    keeper.hold(10)
    keeper.push(frame(20))
    assert sent == []
    keeper.open(None, 0)
    keeper.push(frame(21))
    keeper.close()
    keeper.push(frame(22))
    assert keeper.sent_frames == 12
    assert 0 < len(b"".join(sent)) <= 12 * 960


def test_the_end_of_a_turn_is_as_much_silence_as_the_server_waits_for():
    sent: list[bytes] = []
    keeper = Gatekeeper(sent.append, Realtime(turn_detection=TurnDetection(silence_duration_ms=700)))
    keeper.end_turn()
    silence = b"".join(sent)
    assert not any(silence)
    assert len(silence) >= (700 + END_TURN_MARGIN_MS) * 48


def test_once_the_gate_is_held_the_silence_is_the_last_that_is_sent():
    sent: list[bytes] = []
    keeper = Gatekeeper(sent.append, Realtime())
    keeper.open(0, 0)
    for index in range(20):
        keeper.push(frame(index))
    before = len(sent)
    keeper.hold(None)
    assert any(b"".join(sent[before:])), "the end of the sound comes late out of the resampler"
    before = len(sent)
    keeper.end_turn()
    keeper.push(frame(20))
    assert not any(b"".join(sent[before:]))


def test_words_are_held_for_as_long_as_a_connection_may_take():
    sent: list[bytes] = []
    keeper = Gatekeeper(sent.append, Realtime(connect_timeout_s=20.0))
    keeper.hold(0)
    for index in range(20 * 50):
        keeper.push(frame(index))
    keeper.open(None, 0)
    assert keeper.sent_frames == 1000
    assert keeper.overflowed_frames == 0


def test_muted_nothing_is_sent_and_nothing_is_kept():
    sent: list[bytes] = []
    keeper = Gatekeeper(sent.append, Realtime())
    for index in range(10):
        keeper.push(frame(index))
    keeper.mute(muted=True)
    assert keeper.muted
    for index in range(10, 20):
        keeper.push(frame(index))
    keeper.hold(0)
    keeper.open(0, 0)
    for index in range(20, 30):
        keeper.push(frame(index))
    keeper.end_turn()
    assert sent == []
    keeper.mute(muted=False)
    assert sent == []
    for index in range(30, 40):
        keeper.push(frame(index))
    assert keeper.sent_frames == 10, "the gate was open all the time: from now on it sends, and nothing of before"


def test_muted_in_the_middle_what_is_on_its_way_stays_here():
    sent: list[bytes] = []
    keeper = Gatekeeper(sent.append, Realtime())
    keeper.open(0, 0)
    keeper.push(frame(0))
    before = len(b"".join(sent))
    keeper.mute(muted=True)
    keeper.hold(None)  # would send what the resampler still holds
    keeper.close()
    assert len(b"".join(sent)) == before


def test_taken_in_again_without_having_been_shut_off_nothing_is_forgotten():
    sent: list[bytes] = []
    keeper = Gatekeeper(sent.append, Realtime())
    keeper.hold(0)
    for index in range(10):
        keeper.push(frame(index))
    keeper.mute(muted=False)
    keeper.open(None, 0)
    assert keeper.sent_frames == 10
