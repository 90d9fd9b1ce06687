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
    assert (rehearsal.interruptions, rehearsal.half_duplex) == (0, "")


def test_a_path_that_nobody_can_learn():
    random = np.random.default_rng(1)
    rehearsal = verdict(heard(bend=lambda sound: sound * random.choice([-1.0, 0.2, 1.5], sound.size)))
    assert rehearsal.erle_db < 15


def test_a_faint_echo_cannot_be_told():
    assert verdict(heard(gain_db=-60.0)).erle_db is None


def test_without_a_canceller_nothing_is_measured():
    assert verdict(heard(), Config(audio=Audio(echo_cancellation=False))).erle_db is None


@pytest.mark.parametrize("at_frames", [0, LEAD])
def test_a_reference_that_leads_by_too_much_or_begins_early_does_no_harm(at_frames):
    near = heard()[LEAD - at_frames :]
    assert rehearse(make_duplex(Config()), near, FAR, float(at_frames)).erle_db > 20
