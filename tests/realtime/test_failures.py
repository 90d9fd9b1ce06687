"""What the network, TLS, proxies and HTTP say, and the remedy that the human is told for it."""

from __future__ import annotations

import errno
import json
import socket
import ssl

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage, InvalidStatus, InvalidURI
from websockets.http11 import Response

from speakerd.realtime.failures import explain
from speakerd.realtime.troubles import NOTICES, Trouble, describe, trouble_of


def said(error: BaseException) -> tuple[Trouble | None, str]:
    """The kind of trouble, and the sentence in the journal."""
    fatal = explain(error)
    return trouble_of(fatal.code), describe(fatal.code, fatal.message)


def refusal(status: int, body: object = "") -> InvalidStatus:
    text = body if isinstance(body, str) else json.dumps(body)
    return InvalidStatus(Response(status, "", Headers(), text.encode()))


def named(code: str | None, kind: str | None = None) -> dict:
    return {"error": {"code": code, "type": kind, "message": "sk-secret is wrong"}}


REFUSALS = [
    (401, named("invalid_api_key", "invalid_request_error"), Trouble.KEY_REFUSED),
    (401, named(None, "invalid_request_error"), Trouble.KEY_REFUSED),
    (401, named("a_new_name_for_it"), Trouble.KEY_REFUSED),
    (401, "<html>", Trouble.KEY_REFUSED),
    (402, "", Trouble.NO_QUOTA),
    (403, named("model_not_found", "invalid_request_error"), Trouble.MODEL_UNKNOWN),
    (403, named("unsupported_country_region_territory", "request_forbidden"), Trouble.NOT_OFFERED),
    (403, {"code": "unsupported_country_region_territory", "type": "request_forbidden"}, Trouble.NOT_OFFERED),
    (403, {"error": "forbidden"}, Trouble.KEY_REFUSED),
    (404, "", Trouble.BAD_ADDRESS),
    (404, named("DeploymentNotFound"), Trouble.MODEL_UNKNOWN),
    (400, named("unknown_parameter", "invalid_request_error"), Trouble.REFUSED_SETTINGS),
    (400, "", Trouble.REFUSED_SETTINGS),
    (408, "", Trouble.SERVER_SILENT),
    (426, "", Trouble.BAD_ADDRESS),
    (429, named(None, "tokens"), Trouble.RATE_LIMITED),
    (429, named(None, "server_error"), Trouble.RATE_LIMITED),
    (429, named("insufficient_quota", "insufficient_quota"), Trouble.NO_QUOTA),
    (502, named("upstream_key_refused", "server_error"), Trouble.KEY_REFUSED),
    (503, named("server_error", "server_error"), Trouble.SERVER_ERROR),
    (500, "[", Trouble.SERVER_ERROR),
    (200, "hello", Trouble.BAD_ADDRESS),
]


@pytest.mark.parametrize(("status", "body", "want"), REFUSALS)
def test_a_refusal_has_the_remedy_of_its_kind_and_none_of_another(status, body, want):
    trouble, sentence = said(refusal(status, body))
    assert trouble is want
    assert f"HTTP {status}" in sentence
    assert sentence.count(NOTICES[want].advice) == 1
    others = [notice.advice for kind, notice in NOTICES.items() if kind is not want]
    assert not [advice for advice in others if advice in sentence]
    assert ("try again later" in sentence) is (want is Trouble.SERVER_ERROR)
    assert "sk-secret" not in sentence, "what a service says of a key may quote it"


def test_a_name_that_nobody_knows_is_told_raw():
    assert "HTTP 401 (a_new_name_for_it)" in said(refusal(401, named("a_new_name_for_it")))[1]


def several(*numbers: int) -> OSError:
    """As asyncio tells that no address of a name took the connection."""
    told = ", ".join(f"[Errno {number}] Connect call failed ('192.0.2.1', 443)" for number in numbers)
    return OSError(f"Multiple exceptions: {told}")


def hung_up(cause: Exception) -> InvalidMessage:
    error = InvalidMessage("did not receive a valid HTTP response")
    error.__cause__ = cause
    return error


def insecure(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "want"),
    [
        (OSError(errno.ENETUNREACH, ""), Trouble.NO_NETWORK),
        (OSError(errno.EHOSTUNREACH, ""), Trouble.UNREACHABLE),
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), Trouble.UNREACHABLE),
        (ConnectionResetError(errno.ECONNRESET, ""), Trouble.UNREACHABLE),
        (TimeoutError(errno.ETIMEDOUT, ""), Trouble.UNREACHABLE),
        (TimeoutError(), Trouble.UNREACHABLE),
        (several(errno.ENETUNREACH, errno.ETIMEDOUT), Trouble.UNREACHABLE),
        (several(errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED), Trouble.UNREACHABLE),
        (several(errno.ENETUNREACH, errno.ENETUNREACH), Trouble.NO_NETWORK),
        (socket.gaierror(socket.EAI_AGAIN, ""), Trouble.NO_NETWORK),
        (socket.gaierror(socket.EAI_NONAME, ""), Trouble.NAME_NOT_FOUND),
        (hung_up(EOFError()), Trouble.UNREACHABLE),
        (hung_up(ValueError()), Trouble.BAD_ADDRESS),
        (InvalidURI("http://portal/", "scheme isn't ws or wss"), Trouble.BAD_ADDRESS),
        (insecure("CERTIFICATE_VERIFY_FAILED"), Trouble.TLS),
        (insecure("WRONG_VERSION_NUMBER"), Trouble.TLS),
        (ssl.SSLEOFError(8, "EOF"), Trouble.UNREACHABLE),
    ],
)
def test_the_way_to_the_server(error, want):
    trouble, sentence = said(error)
    assert trouble is want
    assert sentence.count(NOTICES[want].advice) == 1


def test_tls_that_is_none_is_told_from_a_certificate_that_is_none():
    assert "ws:// is meant" in said(insecure("WRONG_VERSION_NUMBER"))[1]
    assert "ws:// is meant" not in said(insecure("CERTIFICATE_VERIFY_FAILED"))[1]
