"""A radio that sleeps."""

from __future__ import annotations

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.wifi import Radio, judge


def test_none_is_in_use():
    assert judge([])[0].level is Level.OK


def test_awake_and_near():
    (only,) = judge([Radio("wlan0", True, False, -51.0)])
    assert (only.level, only.what) == (Level.OK, "wlan0 does not sleep, signal -51 dBm.")


def test_asleep_far_or_unknown():
    asleep, far = judge([Radio("wlan0", True, True, -82.0)])
    assert (asleep.level, far.level) == (Level.NOTICE, Level.NOTICE)
    assert "sudo iw dev wlan0 set power_save off" in asleep.remedy
    (unknown,) = judge([Radio("wlan0", True, None, None)])
    assert "apt-get install iw" in unknown.remedy
