"""Certificates, clocks and answers that no server on this machine can be made to give."""

from __future__ import annotations

import pytest

from speakerd.doctor.finding import Level
from speakerd.doctor.judges.network import (
    ModelAnswer,
    clock,
    model,
    reached,
    refused_certificate,
    session,
    unreachable,
)
from speakerd.realtime.troubles import CODES


@pytest.mark.parametrize(
    ("code", "skew_s", "words"),
    [
        (9, None, "because the clock is wrong"),
        (10, -40_000.0, "because the clock is wrong"),
        (10, 2.0, "certificate has expired."),
        (62, 0.0, "another name"),
        (20, 0.0, "ca-certificates"),
        (3, 0.0, "sent to nobody else"),
    ],
)
def test_certificates(code, skew_s, words):
    finding = refused_certificate(code, "certificate has expired", skew_s)
    assert finding.level is Level.PROBLEM
    assert words in " ".join([finding.what, finding.why, finding.remedy])


def test_clock():
    assert clock(None, None) == []
    assert clock(1.0, True)[0].level is Level.OK
    assert clock(None, False)[0].level is Level.NOTICE
    assert clock(-45.0, True)[0].level is Level.NOTICE
    assert clock(4_000.0, None)[0].level is Level.PROBLEM


@pytest.mark.parametrize(
    ("answer", "openai", "level"),
    [
        (ModelAnswer(200, "", True), True, Level.OK),
        (ModelAnswer(401, "", True), True, Level.PROBLEM),
        (ModelAnswer(404, "", True), True, Level.PROBLEM),
        (ModelAnswer(429, "insufficient_quota", True), True, Level.PROBLEM),
        (ModelAnswer(503, "", False), True, Level.PROBLEM),
        (ModelAnswer(404, "", False), False, None),
        (ModelAnswer(200, "", False), False, None),
        (ModelAnswer(503, "", False), False, None),
        (None, True, None),
    ],
)
def test_models(answer, openai, level):
    found = model(answer, "m", openai=openai)
    assert [finding.level for finding in found] == ([level] if level else [])


@pytest.mark.parametrize("code", [*CODES, "http_500", "whatever"])
def test_every_code_has_its_words(code):
    finding = unreachable(code, "message")
    assert finding.level is Level.PROBLEM
    assert finding.remedy
    assert code in finding.what


def test_slow_is_a_notice():
    assert reached(5.0, 40.0, "IPv4", True).level is Level.OK
    assert reached(4_000.0, 40.0, "IPv4", True).level is Level.NOTICE
    assert session(0.4).level is Level.OK
    assert session(4.0).level is Level.NOTICE
