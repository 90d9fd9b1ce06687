"""What was lost, read off counters."""

from __future__ import annotations

from speakerd.service.losses import PAUSE_S, Losses


def test_only_what_was_added_is_told():
    losses = Losses()
    assert losses.since_told({"capture_xruns": 0, "playout_underruns": 0}, 1.0) == []
    (loss,) = losses.since_told({"capture_xruns": 3, "playback_xruns": 1}, 2.0)
    assert loss.kind == "SoundLost"
    assert loss.sentence == "Sound was lost: the microphone overran 3 times, the loudspeaker ran empty once."
    assert loss.lost == {"capture_xruns": 3, "capture_dropped": 0, "playback_xruns": 1}
    assert loss.is_serious
    assert losses.since_told({"capture_xruns": 3, "playback_xruns": 1}, 999.0) == []


def test_what_was_lost_before_the_first_look_counts():
    (loss,) = Losses().since_told({"capture_dropped": 2}, 0.0)
    assert loss.kind == "SoundLost"
    assert not loss.is_serious, "once or twice nobody notices"


def test_a_slow_network_is_another_kind():
    both = Losses().since_told({"playout_underruns": 1, "playback_xruns": 1, "uplink_frames": 99}, 0.0)
    assert [loss.kind for loss in both] == ["SoundLost", "ReplyStuttered"]
    assert both[1].sentence == "The service's sound came too slowly: the reply stopped for a moment once."


def test_what_goes_on_is_told_once_in_a_while_and_all_of_it():
    losses = Losses()
    told = []
    for second in range(0, 301, 10):
        told += losses.since_told({"capture_xruns": second // 10 + 1}, float(second))
    assert len(told) == 1 + 300 // PAUSE_S
    assert sum(loss.lost["capture_xruns"] for loss in told) == 31
