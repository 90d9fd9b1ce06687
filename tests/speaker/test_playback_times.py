"""When something begins to sound, or is cut off: what playback says of it, and what the card does."""

from __future__ import annotations

import queue
import time

import numpy as np
import pytest

from speakerd.conversation.events import FellSilent, PlayoutStarted
from speakerd.demo.recording import Recorder


def test_it_tells_when_the_voice_and_earcons_begin_and_when_it_is_cut_off(studio):
    sounds = queue.Queue()
    one = studio(on_sound=sounds.put)
    asked_s = time.monotonic()
    one.playback.play_earcon("wake")
    chime = sounds.get(timeout=3)
    assert chime.what == "wake"
    assert asked_s <= chime.at_s <= time.monotonic() + 0.08, "no later than the card's buffer is long"
    one.say("a", 5.0)
    voice = sounds.get(timeout=3)
    assert voice.what == "reply"
    assert isinstance(one.next(), PlayoutStarted)
    time.sleep(max(0.0, voice.at_s + 0.2 - time.monotonic()))
    asked_s = time.monotonic()
    one.playback.flush()
    silent = sounds.get(timeout=3)
    assert isinstance(silent, FellSilent)
    assert asked_s < silent.at_s <= asked_s + 0.5, "60 ms, and what a busy machine takes"
    one.next()
    assert abs(time.monotonic() - silent.at_s) < 0.5, "the flush is answered when it is silent"


@pytest.mark.alsa
def test_the_times_are_those_of_the_card(studio, sound_card):
    from speakerd.hw.loudspeaker import AlsaSink

    room = Recorder(sound_card, "speaker")
    room.start()
    sounds = queue.Queue()
    one = studio(lambda: AlsaSink("speakerd_speaker", 48_000, 80), on_sound=sounds.put)
    one.states.get(timeout=2)
    time.sleep(0.3)
    said, cut = [], []
    for number in range(3):
        one.say(f"i{number}", 2.0)
        said.append(sounds.get(timeout=3).at_s)
        time.sleep(0.5)
        one.playback.flush()
        cut.append(sounds.get(timeout=3).at_s)
        time.sleep(0.3)
    recording = room.stop()
    for began_s, ended_s in zip(said, cut, strict=True):
        start = recording.index_at(began_s - 0.2)
        found = np.flatnonzero(np.abs(recording.between(began_s - 0.2, ended_s + 0.2)) > 1000) + start
        assert abs(recording.time_of(found[0]) - began_s) < 0.04
        assert abs(recording.time_of(found[-1]) - ended_s) < 0.04
