"""Back-off, renewal, history, tail, addresses, troubles: the pure parts around the protocol."""

from __future__ import annotations

import math

import pytest

from speakerd.config.model import Realtime
from speakerd.realtime import address
from speakerd.realtime.backoff import MOST_S, Backoff
from speakerd.realtime.history import MAX_CHARACTERS, MAX_TURNS, History
from speakerd.realtime.renewal import MARGIN_S, Renewal
from speakerd.realtime.tail import LONG_S, SHORT_S, Tail
from speakerd.realtime.troubles import CODES, NOTICES, Trouble, code_within, describe, retry_after_s, trouble_of

# ------------------------------------------------------------ back-off


def test_the_wait_doubles_up_to_a_bound():
    backoff = Backoff(lambda: 0.5)
    waits = []
    for _ in range(12):
        backoff.failed("connection_refused", 0, 100.0)
        waits.append(backoff.not_before_s - 100.0)
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == MOST_S
    backoff.succeeded()
    backoff.failed("connection_refused", 0, 100.0)
    assert backoff.not_before_s == 101.0


@pytest.mark.parametrize(("random", "wait_s"), [(0.0, 0.5), (1.0, 1.5)])
def test_the_wait_has_a_jitter(random, wait_s):
    backoff = Backoff(lambda: random)
    backoff.failed("http_503", 0, 0.0)
    assert backoff.not_before_s == wait_s


def test_what_the_server_asks_for_is_kept():
    backoff = Backoff(lambda: 0.5)
    backoff.failed("rate_limited", 30.0, 0.0)
    assert backoff.not_before_s == 30.0


@pytest.mark.parametrize("code", ["key_refused", "insufficient_quota", "model_not_found", "session_mismatch"])
def test_what_only_a_human_can_mend_is_not_tried_again(code):
    backoff = Backoff(lambda: 0.5)
    backoff.failed(code, 0, 0.0)
    assert math.isinf(backoff.not_before_s)
    backoff.succeeded()
    assert backoff.not_before_s == 0.0


# ------------------------------------------------------------ renewal


def test_a_session_is_renewed_before_it_ends():
    renewal = Renewal(1_000.0, 1_000.0 + 3_600)
    assert renewal.due_s == 4_600 - MARGIN_S
    assert not renewal.due(4_299.0)
    assert renewal.due(4_300.0)


def test_a_short_life_has_a_short_margin():
    assert Renewal(0.0, 10.0).due_s == 9.0


def test_a_session_without_an_end_is_renewed_only_when_it_has_become_slow():
    renewal = Renewal(0.0, None)
    for latency_s in (0.6, 0.5, 0.7, 0.6, 5.0, 0.6):
        renewal.answered(latency_s)
    assert not renewal.due(1e9), "one slow answer is chance"
    for latency_s in (1.3, 1.4):
        renewal.answered(latency_s)
    assert renewal.due(0.0)


# ------------------------------------------------------------ history and tail


def test_words_stand_where_they_were_said_however_late_they_come():
    history = History()
    history.begin("user", "u1")
    history.say("assistant", "a1", "It is ten.")
    history.begin("user", "u2")
    history.say("user", "u1", "What time is it?")
    assert history.lines() == [("user", "What time is it?"), ("assistant", "It is ten.")]


def test_a_long_history_is_cut_at_its_beginning():
    history = History()
    for number in range(100):
        history.say("user", f"u{number}", f"{number:03}" + "x" * 297)
    lines = history.lines()
    assert len(lines) <= MAX_TURNS
    assert sum(len(text) for _, text in lines) <= MAX_CHARACTERS
    assert lines[-1][1].startswith("099")


def test_the_tail_is_bounded_in_seconds():
    tail = Tail()
    second = [bytes(4_800)] * 10
    for chunk in second * 3:
        tail.keep(chunk)
    assert len(tail.chunks()) == 10 * SHORT_S
    tail.limit(LONG_S)
    for chunk in second * 20:
        tail.keep(chunk)
    assert len(tail.chunks()) == 10 * LONG_S
    assert tail.dropped == 5 + 200 - 10 * LONG_S
    tail.clear()
    assert tail.chunks() == []


# ------------------------------------------------------------ addresses

AZURE = "wss://res.openai.azure.com/openai/v1/realtime"


@pytest.mark.parametrize(
    ("url", "auth", "want"),
    [
        ("wss://api.openai.com/v1/realtime", "auto", ("Authorization", "Bearer k")),
        (AZURE, "auto", ("api-key", "k")),
        ("wss://azure.com.evil.org/", "auto", ("Authorization", "Bearer k")),
        ("wss://gateway.example/", "api-key", ("api-key", "k")),
        (AZURE, "bearer", ("Authorization", "Bearer k")),
    ],
)
def test_how_the_key_is_shown(url, auth, want):
    assert address.headers(Realtime(auth=auth), url, "k") == (want,)


@pytest.mark.parametrize(("url", "auth"), [("wss://h/", "none"), ("ws://192.168.1.2/", "auto"), ("ws://h/", "bearer")])
def test_where_no_key_is_shown(url, auth):
    assert address.headers(Realtime(auth=auth), url, "k") == ()


def test_further_headers_come_from_the_configuration():
    realtime = Realtime(headers="OpenAI-Safety-Identifier: kitchen\nX-Room:  1 \n")
    assert address.headers(realtime, "ws://h/", "k") == (("OpenAI-Safety-Identifier", "kitchen"), ("X-Room", "1"))


@pytest.mark.parametrize(
    "headers", ["no colon", "Bad Name: x", "A:", "Authorization: Bearer x", "api-key: x", "A: \x01"]
)
def test_headers_that_cannot_be_are_refused(headers):
    with pytest.raises(ValueError, match=r"headers|lines"):
        Realtime(headers=headers)


def test_azure_names_the_deployment_where_others_name_the_model():
    assert address.with_model(AZURE, "my-deployment") == f"{AZURE}?model=my-deployment"
    older = "wss://res.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=d"
    assert address.with_model(older, "m") == older


# ------------------------------------------------------------ troubles


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_has_its_words_and_a_code(trouble):
    notice = NOTICES[trouble]
    assert notice.sentence
    assert notice.advice
    assert notice.spoken.endswith(".")
    assert trouble in CODES.values()


@pytest.mark.parametrize(
    ("code", "want"),
    [
        ("", None),
        ("closed_1001", Trouble.EXPIRED),
        ("closed_1006", Trouble.CONNECTION_LOST),
        ("closed_1008", Trouble.REFUSED_SETTINGS),
        ("closed_1011", Trouble.SERVER_ERROR),
        ("closed_4711", Trouble.CONNECTION_LOST),
        ("http_400", Trouble.REFUSED_SETTINGS),
        ("http_503", Trouble.SERVER_ERROR),
        ("what_nobody_knows", Trouble.SERVER_ERROR),
        ("insufficient_quota", Trouble.NO_QUOTA),
    ],
)
def test_codes_are_told_apart(code, want):
    assert trouble_of(code) is want


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 1.2s. Visit", 1.2),
        ("Please try again in 340ms.", 0.34),
        ("Please try again in 1m2s.", 62),
        ("Please try again in 6m", 360),
        ("Please try again later.", 0),
        (f"Please try again in {'9' * 5_000}m", 0),
        ("", 0),
    ],
)
def test_the_time_to_wait_is_read(message, seconds):
    assert retry_after_s(message) == seconds


def test_a_code_is_found_in_the_reason_of_a_close():
    assert code_within("invalid_request_error.invalid_api_key") == "invalid_api_key"
    assert code_within("keepalive ping timeout") == ""


def test_the_journal_gets_what_it_is_what_was_said_and_what_to_do():
    text = describe("model_not_found", "no such model gpt-4o-realtime-preview")
    assert text.startswith("the service does not know the model")
    assert "model_not_found: no such model" in text
    assert "set realtime.model" in text
    assert describe("") == ""


def test_what_connecting_needs_does_not_show_its_secrets():
    dial = address.Dial.of(Realtime(), "wss://example.invalid/", "sk-secret-key", ("home-token",))
    assert dial.secrets == ("sk-secret-key", "home-token")
    assert "secret" not in repr(dial)
    assert "home-token" not in repr(dial)
