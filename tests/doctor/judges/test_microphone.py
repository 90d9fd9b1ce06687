"""Sound in, findings out."""

from __future__ import annotations

import numpy as np
import pytest

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.microphone import judge, measure

RANDOM = np.random.default_rng(0)


def noise(dbfs, seconds=3.0, offset=0):
    sound = RANDOM.standard_normal(int(16_000 * seconds)) * 32768 * 10 ** (dbfs / 20) + offset
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def findings(samples, xruns=0):
    return judge(measure(samples, 3.0, xruns), "alsamixer -D hw:X")


def test_a_good_microphone():
    (only,) = findings(noise(-60))
    assert only.level is Level.OK
    assert only.figures["floor_dbfs"] == pytest.approx(-60, abs=1)
    assert only.figures["level_dbfs"] == pytest.approx(-60, abs=0.5)


@pytest.mark.parametrize("samples", [np.zeros(48_000, np.int16), np.full(48_000, -3, np.int16), np.zeros(0, np.int16)])
def test_one_that_gives_nothing_is_a_problem(samples):
    (only,) = findings(samples)
    assert only.level is Level.PROBLEM
    assert "no sound at all" in only.what
    assert "alsamixer -D hw:X" in only.remedy


@pytest.mark.parametrize(
    ("samples", "xruns", "words"),
    [
        (noise(-6), 0, "overdriven"),
        (noise(-30), 0, "is loud: noise floor -30 dBFS"),
        (noise(-88), 0, "very faint"),
        (noise(-60, offset=4_000), 0, "shifted"),
        (noise(-60), 3, "lost 3 times"),
    ],
)
def test_what_is_worth_a_notice(samples, xruns, words):
    told = findings(samples, xruns)
    assert words in " ".join(finding.what for finding in told)
    assert {finding.level for finding in told} == {Level.NOTICE}
    assert all(finding.why and finding.remedy for finding in told)


def test_a_voice_over_a_quiet_floor_is_no_noise():
    sound = noise(-60)
    sound[:24_000] = noise(-20, 1.5)
    (only,) = findings(sound)
    assert only.level is Level.OK
    assert only.figures["floor_dbfs"] == pytest.approx(-60, abs=1.5)
