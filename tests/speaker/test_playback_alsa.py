"""The loudspeaker's thread on the virtual card, heard from outside."""

from __future__ import annotations

import time

import numpy as np
import pytest

from speakerd.conversation.events import PlayoutDrained, PlayoutStarted
from speakerd.demo.recording import Recorder
from speakerd.speaker.earcons import Earcons


@pytest.fixture
def alsa_sink(sound_card):
    from speakerd.hw.loudspeaker import AlsaSink

    return lambda: AlsaSink("speakerd_speaker", 48_000, 80)


@pytest.fixture
def room(sound_card):
    recorder = Recorder(sound_card, "speaker")
    recorder.start()
    yield recorder
    recorder.stop()


def loud(recording, from_s, until_s):
    """First and last sound in a stretch of time."""
    start = recording.index_at(from_s)
    found = np.flatnonzero(np.abs(recording.between(from_s, until_s)) > 1000) + start
    return recording.time_of(found[0]), recording.time_of(found[-1]), found


@pytest.mark.alsa
def test_the_card_plays_the_very_sound_and_as_soon_as_promised(studio, alsa_sink, room):
    one = studio(alsa_sink)
    assert one.states.get(timeout=2) is None
    time.sleep(0.2)
    asked_s = time.monotonic()
    one.say("a", 0.5, end=True)
    assert one.next() == PlayoutStarted("a")
    assert one.next() == PlayoutDrained(final=True)
    drained_s = time.monotonic()
    time.sleep(0.1)
    recording = room.stop()
    first_s, last_s, found = loud(recording, asked_s, drained_s + 0.1)
    assert first_s - asked_s <= 0.100 + 0.080 + 0.020
    assert found.size == pytest.approx(0.5 * 48_000, abs=20), "whole, without a hole"
    assert np.max(np.diff(found)) == 1
    assert abs(drained_s - last_s) < 0.06


@pytest.mark.alsa
def test_flush_silences_the_card_and_tells_the_truth(studio, alsa_sink, room):
    one = studio(alsa_sink)
    one.states.get(timeout=2)
    flushes = []
    for number, seconds in enumerate((0.31, 0.47, 0.66)):
        began_s = time.monotonic()
        one.say(f"i{number}", 2.0)
        assert one.next() == PlayoutStarted(f"i{number}")
        time.sleep(seconds)
        asked_s = time.monotonic()
        one.playback.flush()
        flushes.append((began_s, asked_s, one.next()))
        time.sleep(0.3)
    recording = room.stop()
    for began_s, asked_s, event in flushes:
        first_s, last_s, _ = loud(recording, began_s, asked_s + 0.25)
        assert last_s - asked_s <= 0.060
        (cut,) = event.items
        assert abs(cut.heard_ms - (last_s - first_s) * 1000) <= 40


@pytest.mark.alsa
def test_a_pause_silences_the_card_and_loses_nothing(studio, alsa_sink, room):
    one = studio(alsa_sink)
    one.states.get(timeout=2)
    began_s = time.monotonic()
    one.say("a", 1.0, end=True)
    assert one.next() == PlayoutStarted("a")
    time.sleep(0.43)
    paused_s = time.monotonic()
    one.playback.pause()
    time.sleep(0.6)
    resumed_s = time.monotonic()
    one.playback.resume()
    assert one.next() == PlayoutDrained(final=True)
    time.sleep(0.1)
    recording = room.stop()
    _, silent_s, before = loud(recording, began_s, resumed_s)
    again_s, _, after = loud(recording, resumed_s, resumed_s + 1.0)
    assert silent_s - paused_s <= 0.060
    assert again_s - resumed_s <= 0.060
    # A second of sound and, of 20 ms that were heard faded, what is louder than 1000 of 8000.
    assert before.size + after.size == pytest.approx(48_000 + 480, abs=250)
    assert max(np.max(np.diff(before)), np.max(np.diff(after))) < 48, "no hole; where it fades, the noise shows"


@pytest.mark.alsa
def test_an_earcon_survives_a_flush_of_speech(studio, alsa_sink, room):
    one = studio(alsa_sink)
    one.states.get(timeout=2)
    one.say("a", 2.0)
    assert one.next() == PlayoutStarted("a")
    time.sleep(0.3)
    one.playback.play_earcon("wake")
    time.sleep(0.02)
    one.playback.flush()
    one.next()
    time.sleep(0.5)
    recording = room.stop()
    wake = Earcons(-20.0).at_rate(48_000)["wake"]
    _, fit = recording.find(wake[70 * 48 :])  # its beginning is mixed with speech
    assert fit > 0.95


@pytest.mark.alsa
def test_a_loudspeaker_pulled_out_and_put_back(studio, alsa_sink, sound_card):
    one = studio(alsa_sink)
    assert one.states.get(timeout=2) is None
    one.say("a", 30.0)
    assert one.next() == PlayoutStarted("a")
    sound_card.unplug("speaker")
    try:
        assert "speakerd_speaker" in one.states.get(timeout=2)
        one.playback.flush()
        assert one.next().items[0].item_id == "a"
    finally:
        sound_card.plug("speaker")
    while one.states.get(timeout=6) is not None:
        pass
    one.say("b", 0.1, end=True)
    assert one.next() == PlayoutStarted("b")
    assert one.next() == PlayoutDrained(final=True)
