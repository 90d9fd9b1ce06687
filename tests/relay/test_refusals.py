"""How a refusal is told."""

from __future__ import annotations

import json

import pytest

from speakerd.relay import refusals
from speakerd.relay.refusals import Refusal, of_service

ALL = [value for value in vars(refusals).values() if isinstance(value, Refusal)]


@pytest.mark.parametrize("refusal", ALL, ids=lambda refusal: refusal.code)
def test_every_one_has_a_sentence_and_a_code_and_fits_a_close_frame(refusal: Refusal) -> None:
    error = json.loads(refusal.body())["error"]
    assert error["message"].endswith(".")
    assert error["code"].islower()
    assert 400 <= refusal.status < 600
    assert len(refusal.reason.encode()) < 123
    event = json.loads(refusal.event("event_1", "mine"))
    assert (event["type"], event["error"]["event_id"], event["event_id"]) == ("error", "mine", "event_1")


def test_a_long_reason_is_cut_between_characters() -> None:
    assert len(Refusal(400, "code", "ä" * 200).reason.encode()) <= 120


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b'{"error":{"code":"invalid_api_key","message":"sk-abc"}}', (502, "upstream_key_refused")),
        (403, b"", (502, "upstream_key_refused")),
        (404, b'{"error":{"code":"model_not_found","type":"invalid_request_error"}}', (404, "model_not_found")),
        (429, b'{"error":{"code":null,"message":"slow"}}', (429, "http_429")),
        (500, b"<html>", (500, "http_500")),
        (503, b'{"error":"busy"}', (503, "http_503")),
        (302, b"[]", (502, "http_502")),
    ],
)
def test_the_services(status: int, body: bytes, expected: tuple[int, str]) -> None:
    refusal = of_service(status, body, None)
    assert (refusal.status, refusal.code) == expected
    assert "sk-" not in refusal.body().decode()


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), (None, 0), ("Wed, 21 Oct", 0), ("-1", 0), ("9" * 9, 0)])
def test_when_to_try_again(header: str | None, seconds: int) -> None:
    assert of_service(503, b"", header).retry_s == seconds
