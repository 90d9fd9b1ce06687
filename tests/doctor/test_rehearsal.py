"""The canceller's verdict on rooms that it can and cannot learn."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.config.model import Audio, Config
from speakerd.doctor import chirp
from speakerd.doctor.rehearsal import rehearse
from speakerd.parts import make_duplex

LEAD = 4_800
FAR = chirp.surf(3_000)


def heard(bend=lambda sound: sound, gain_db=-20.0, delay_frames=640):
    noise = np.random.default_rng(0)
    path = noise.standard_normal(4_000) * 10 ** (-3 * np.arange(4_000) / 16_000 / 0.25) * 0.05
    path[0] = 1.0
    near = np.zeros(LEAD + delay_frames + FAR.size + 8_000)
    near[LEAD + delay_frames :][: FAR.size + path.size - 1] = np.convolve(bend(FAR.astype(float)), path)
    near = near * 10 ** (gain_db / 20) + noise.standard_normal(near.size) * 20
    return np.clip(near, -32768, 32767).astype(np.int16)


def verdict(near, config=None):
    return rehearse(make_duplex(config or Config()), near, FAR, float(LEAD))


def test_a_room_that_can_be_learnt():
    rehearsal = verdict(heard())
    assert rehearsal.erle_db > 25
    assert rehearsal.explained_db > 15
    assert (rehearsal.interruptions, rehearsal.half_duplex) == (0, "")


RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize(
    "bend",
    [
        lambda sound: sound * RANDOM.choice([-1.0, 0.2, 1.5], sound.size),
        lambda sound: np.roll(sound[::-1], 500),
        lambda sound: np.clip(sound, -3_000, 3_000) * 3,
        lambda sound: np.concatenate([np.roll(sound[at : at + 1_600], at % 997) for at in range(0, sound.size, 1_600)]),
    ],
    ids=["noise", "another sound", "distortion", "jumps"],
)
def test_a_path_that_nobody_can_learn(bend):
    rehearsal = verdict(heard(bend=bend))
    assert rehearsal.explained_db < 6
    assert rehearsal.unexplained_db > 10


def test_the_end_of_the_echo_in_a_pause_is_not_taken_for_the_room():
    reverberant = np.concatenate([heard(bend=lambda sound: np.roll(sound[::-1], 500)), np.zeros(8_000, np.int16)])
    for late in (3_200, 6_400, 9_600):  # fills the pauses of the surf
        reverberant[late:] += (0.5 * reverberant[:-late]).astype(np.int16)
    assert verdict(reverberant).explained_db < 6


def test_a_faint_echo_cannot_be_told():
    rehearsal = verdict(heard(gain_db=-60.0))
    assert (rehearsal.erle_db, rehearsal.explained_db) == (None, None)


def test_without_a_canceller_nothing_is_measured():
    assert verdict(heard(), Config(audio=Audio(echo_cancellation=False))).erle_db is None


@pytest.mark.parametrize("at_frames", [0, LEAD])
def test_a_reference_that_leads_by_too_much_or_begins_early_does_no_harm(at_frames):
    near = heard()[LEAD - at_frames :]
    assert rehearse(make_duplex(Config()), near, FAR, float(at_frames)).erle_db > 20
