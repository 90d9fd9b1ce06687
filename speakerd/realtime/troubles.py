"""What went wrong, in the terms of the human who must mend it. Pure.

Codes are those of `SessionEnded.error`, `ResponseEnded.error` and `ResponseFailed.code`: the service's
own, and ours of `failures`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """Kinds of trouble with the service, each with its own remedy."""

    NO_NETWORK = "no_network"
    NAME_NOT_FOUND = "name_not_found"
    TLS = "tls"
    UNREACHABLE = "unreachable"
    BAD_ADDRESS = "bad_address"
    CONNECTION_LOST = "connection_lost"
    KEY_REFUSED = "key_refused"
    NOT_OFFERED = "not_offered"
    NO_QUOTA = "no_quota"
    RATE_LIMITED = "rate_limited"
    MODEL_UNKNOWN = "model_unknown"
    REFUSED_SETTINGS = "refused_settings"
    EXPIRED = "expired"
    SERVER_ERROR = "server_error"
    SERVER_SILENT = "server_silent"
    CONTENT_FILTERED = "content_filtered"
    CUT_SHORT = "cut_short"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of one kind of trouble."""

    sentence: str
    """For the journal."""
    advice: str
    """What to do."""
    spoken: str
    """What the loudspeaker says, in English."""
    lasting: bool = False
    """True if trying again is of no use until somebody has done something."""


NOTICES: dict[Trouble, Notice] = {
    Trouble.NO_NETWORK: Notice(
        "there is no network",
        "check the cable or the Wi-Fi (`nmcli`, `ip route`)",
        "I have no network connection.",
    ),
    Trouble.NAME_NOT_FOUND: Notice(
        "the server's name was not found",
        "check DNS and the host in realtime.url",
        "I cannot find the server. Please check the network and the address.",
    ),
    Trouble.TLS: Notice(
        "no trusted connection to the server",
        "check the clock of this machine (`timedatectl`); for a private CA set SSL_CERT_FILE",
        "I cannot connect securely. Please check my clock and certificates.",
    ),
    Trouble.UNREACHABLE: Notice(
        "the server cannot be reached",
        "check that it runs, realtime.url, firewalls and proxies",
        "I cannot reach the server.",
    ),
    Trouble.BAD_ADDRESS: Notice(
        "there is no Realtime service at that address",
        "check realtime.url, and realtime.model, with `speakerd doctor`",
        "The address of my server is wrong. Please check the configuration.",
        lasting=True,
    ),
    Trouble.CONNECTION_LOST: Notice(
        "the connection broke off",
        "check the network if it happens again",
        "Sorry, I lost the connection.",
    ),
    Trouble.KEY_REFUSED: Notice(
        "the service refused the key",
        "give it a valid one with `sudo speakerd setup`, or as the credential openai-api-key and restart",
        "My access key was refused. Please check it.",
        lasting=True,
    ),
    Trouble.NOT_OFFERED: Notice(
        "the service is not offered in this country",
        "see the service's list of countries; a proxy or VPN makes it think that you are where that is",
        "The service is not available in this country.",
        lasting=True,
    ),
    Trouble.NO_QUOTA: Notice(
        "the account has no credit left",
        "check billing and limits in the account of the service",
        "My account with the service has run out of credit.",
        lasting=True,
    ),
    Trouble.RATE_LIMITED: Notice(
        "the service has had too many requests from this key",
        "wait a little; if it stays so, raise the limits of the account",
        "The service is asking me to slow down. Please try again in a moment.",
    ),
    Trouble.MODEL_UNKNOWN: Notice(
        "the service does not know the model, or has shut it down",
        "set realtime.model to one that exists",
        "The model I am set up for does not exist any more. Please check the configuration.",
        lasting=True,
    ),
    Trouble.REFUSED_SETTINGS: Notice(
        "the service refused what it was asked for",
        "correct what it names in the realtime section of the configuration",
        "The service refused my settings. Please check the configuration.",
        lasting=True,
    ),
    Trouble.EXPIRED: Notice(
        "the session reached its longest time",
        "nothing: the next wake word opens a new one",
        "Our conversation reached its time limit. Please call me again.",
    ),
    Trouble.SERVER_ERROR: Notice(
        "the service has a fault",
        "try again later; look at the service's status page",
        "The service has a problem. Please try again later.",
    ),
    Trouble.SERVER_SILENT: Notice(
        "the server does not answer",
        "try again; if it stays so, look at the server and the network",
        "The server is not answering.",
    ),
    Trouble.CONTENT_FILTERED: Notice(
        "the service's filter stopped the answer",
        "nothing: ask differently",
        "The service would not let me answer that.",
    ),
    Trouble.NO_ANSWER: Notice(
        "the assistant called functions over and over, and gave no answer",
        "nothing, or raise realtime.max_tool_rounds if what was asked for needs so many",
        "Sorry, I did not get to an answer.",
    ),
    Trouble.CUT_SHORT: Notice(
        "the answer was longer than the service allows",
        "nothing, or ask for shorter answers in realtime.instructions",
        "That answer was too long for me.",
    ),
}

CODES: dict[str, Trouble] = {
    # ours, of the connection
    "network_failed": Trouble.NO_NETWORK,
    "dns_failed": Trouble.NO_NETWORK,
    "name_not_found": Trouble.NAME_NOT_FOUND,
    "tls_failed": Trouble.TLS,
    "connection_refused": Trouble.UNREACHABLE,
    "host_unreachable": Trouble.UNREACHABLE,
    "hung_up": Trouble.UNREACHABLE,
    "connect_timeout": Trouble.UNREACHABLE,
    "proxy_failed": Trouble.UNREACHABLE,
    "proxy_unsupported": Trouble.UNREACHABLE,
    "bad_url": Trouble.BAD_ADDRESS,
    "bad_handshake": Trouble.BAD_ADDRESS,
    "not_found": Trouble.BAD_ADDRESS,  # of the service too: a model that it does not know it names
    "connection_lost": Trouble.CONNECTION_LOST,
    "uplink_stalled": Trouble.CONNECTION_LOST,
    "network_dead": Trouble.CONNECTION_LOST,
    "closed_by_server": Trouble.CONNECTION_LOST,
    "server_silent": Trouble.SERVER_SILENT,
    "response_not_started": Trouble.SERVER_SILENT,
    "session_mismatch": Trouble.REFUSED_SETTINGS,
    "session_refused": Trouble.REFUSED_SETTINGS,
    "message_too_large": Trouble.SERVER_ERROR,
    "tool_rounds": Trouble.NO_ANSWER,
    # the service's
    "key_refused": Trouble.KEY_REFUSED,
    "invalid_api_key": Trouble.KEY_REFUSED,
    "authentication_error": Trouble.KEY_REFUSED,
    "permission_error": Trouble.KEY_REFUSED,
    "account_deactivated": Trouble.KEY_REFUSED,
    "upstream_key_refused": Trouble.KEY_REFUSED,  # of our relay: the key that it has
    "unsupported_country_region_territory": Trouble.NOT_OFFERED,
    "insufficient_quota": Trouble.NO_QUOTA,
    "payment_required": Trouble.NO_QUOTA,
    "billing_hard_limit_reached": Trouble.NO_QUOTA,
    "rate_limited": Trouble.RATE_LIMITED,
    "rate_limit_exceeded": Trouble.RATE_LIMITED,
    "rate_limit_error": Trouble.RATE_LIMITED,
    "inference_rate_limit_exceeded": Trouble.RATE_LIMITED,
    "too_many_requests": Trouble.RATE_LIMITED,
    "model_not_found": Trouble.MODEL_UNKNOWN,
    "invalid_model": Trouble.MODEL_UNKNOWN,
    "model_deprecated": Trouble.MODEL_UNKNOWN,
    "DeploymentNotFound": Trouble.MODEL_UNKNOWN,
    "beta_api_shape_disabled": Trouble.BAD_ADDRESS,
    "session_expired": Trouble.EXPIRED,
    "invalid_request_error": Trouble.REFUSED_SETTINGS,
    "conversation_already_has_active_response": Trouble.SERVER_ERROR,
    "function_call_output_pending": Trouble.SERVER_ERROR,
    "server_error": Trouble.SERVER_ERROR,
    "content_filter": Trouble.CONTENT_FILTERED,
    "max_output_tokens": Trouble.CUT_SHORT,
}

VAGUE = frozenset({"not_found", "invalid_request_error", "server_error"})
"""Codes to which the HTTP status, or the other one of `code` and `type`, is to be preferred."""
TELLING = tuple(code for code in CODES if code not in VAGUE)
"""Codes that mean what they say wherever they are found, such as in the reason of a close frame."""
CLOSE_CODES = {
    1001: Trouble.EXPIRED,
    1008: Trouble.REFUSED_SETTINGS,
    1011: Trouble.SERVER_ERROR,
    1012: Trouble.SERVER_ERROR,
    1013: Trouble.SERVER_ERROR,
}
"""Of websockets; all others are a connection that was lost."""


def trouble_of(code: str) -> Trouble | None:
    """The kind of trouble that a code tells; None for no trouble, SERVER_ERROR for a code nobody knows."""
    if not code:
        return None
    if code in CODES:
        return CODES[code]
    if found := re.fullmatch(r"closed_(\d+)", code):
        return CLOSE_CODES.get(int(found[1]), Trouble.CONNECTION_LOST)
    return Trouble.REFUSED_SETTINGS if re.fullmatch(r"http_4\d\d", code) else Trouble.SERVER_ERROR


def clearest(code: str, kind: str) -> str:
    """Of a `code` and a `type` the one that tells what is wrong: servers differ about which of the two they fill."""
    for known in (TELLING, CODES):
        if found := next((one for one in (code, kind) if one in known), ""):
            return found
    return code or kind


def code_within(text: str) -> str:
    """A code that is spelt out somewhere in `text`; empty if there is none."""
    return next((code for code in TELLING if code in text), "")


def retry_after_s(message: str) -> float:
    """The time in `Please try again in 1.2s`, `… in 340ms`, `… in 1m2s`; 0 if there is none."""
    found = re.search(r"try again in (?:(\d{1,5})m(?!s))?\s*(?:(\d{1,6}(?:\.\d{1,9})?)\s*(ms|s)\b)?", message)
    if not found:
        return 0.0
    minutes, amount, unit = found.groups()
    return int(minutes or 0) * 60 + float(amount or 0) * (0.001 if unit == "ms" else 1.0)


def describe(code: str, message: str = "") -> str:
    """One sentence for the journal: what it is, what the server said, what to do."""
    trouble = trouble_of(code)
    if trouble is None:
        return ""
    notice = NOTICES[trouble]
    said = f" ({code}: {message})" if message and message != notice.sentence else f" ({code})"
    return f"{notice.sentence}{said}; {notice.advice}"
