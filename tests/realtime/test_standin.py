"""When the embedded server stands in, on the desk."""

from __future__ import annotations

import math

import pytest

from speakerd.realtime.outputs import Fatal
from speakerd.realtime.standin import NOT_IN_TIME, REMEMBER_S, SHORT_S, StandIn
from speakerd.realtime.troubles import CODES

URL = "ws://127.0.0.1:9/v1/realtime"


def test_without_one_nothing_changes():
    nobody = StandIn("", 5.0)
    assert nobody.patience_s(0.0) == math.inf
    assert not nobody.replaces(Fatal("connection_refused", ""))


@pytest.mark.parametrize(("connect_s", "whole_s"), [(5.0, 4.0), (2.0, 1.0), (0.5, 0.25)])
def test_the_service_gets_nearly_all_the_time_there_is(connect_s, whole_s):
    assert StandIn(URL, connect_s).patience_s(0.0) == whole_s


def test_a_service_that_did_not_answer_gets_little_time_for_some_minutes():
    one = StandIn(URL, 5.0)
    one.begin(NOT_IN_TIME, 100.0)
    assert one.patience_s(101.0) == SHORT_S
    one.begin(NOT_IN_TIME, 102.0)
    assert one.patience_s(100.0 + REMEMBER_S) == 4.0, "from the first time on, else a slow service never came back"


def test_who_refuses_at_once_costs_no_time():
    one = StandIn(URL, 5.0)
    one.begin(Fatal("connection_refused", ""), 100.0)
    assert one.patience_s(101.0) == 4.0


def test_a_service_that_is_back_gets_its_whole_time():
    one = StandIn(URL, 5.0)
    one.begin(NOT_IN_TIME, 100.0)
    assert one.end()
    assert not one.end()
    assert one.patience_s(101.0) == 4.0


def test_an_outage_is_new_once_and_told_until_somebody_heard_it():
    one = StandIn(URL, 5.0)
    assert one.begin(NOT_IN_TIME, 0.0)
    assert one.url == URL + "?standing_in=1"
    assert not one.begin(NOT_IN_TIME, 10.0)
    assert one.url == URL + "?standing_in=1", "nothing was answered yet"
    one.answered()
    assert one.url == URL
    one.end()
    assert one.begin(NOT_IN_TIME, 20.0)
    assert one.url == URL + "?standing_in=1"


REPLACED = {
    "network_failed", "dns_failed", "name_not_found", "tls_failed", "connection_refused", "connect_timeout",
    "proxy_failed", "proxy_unsupported", "connection_lost", "uplink_stalled", "network_dead", "closed_by_server",
    "server_silent", "host_unreachable", "hung_up", "response_not_started",
}  # fmt: skip


@pytest.mark.parametrize("code", [*CODES, "http_503", "http_400", "closed_1008", "closed_1011", "whatever"])
def test_it_replaces_a_service_that_is_away_and_none_that_says_no(code):
    expected = code in REPLACED or code in ("http_503", "closed_1011")
    assert StandIn(URL, 5.0).replaces(Fatal(code, "")) is expected


def test_a_session_that_was_told_to_end_is_not_replaced():
    assert not StandIn(URL, 5.0).replaces(None)
