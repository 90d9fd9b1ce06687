"""Names, encryption, clock, and what the service says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from speakerd.doctor.finding import Finding, notice, ok, problem
from speakerd.realtime.troubles import NOTICES, Trouble, trouble_of

NETWORK = "network"
CLOCK = "clock"
REALTIME = "realtime"

SKEWED_S = 30.0
"""Off by less no server minds."""
WRONG_S = 300.0
"""Off by more certificates and keys with a date are refused."""
SLOW_MS = 1_000.0

_CLOCK_REMEDY = "timedatectl; sudo timedatectl set-ntp true"

# OpenSSL's X509_V_ERR_…
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_ISSUERS = frozenset({18, 19, 20, 21})
_WRONG_HOST = 62


def unreachable(code: str, message: str) -> Finding:
    """A failure of the connection or the session, in the words of the daemon."""
    trouble = trouble_of(code) or Trouble.SERVER_ERROR
    told = NOTICES[trouble]
    why = (
        "Without it there are no answers." if told.lasting else "Without it there are no answers until it works again."
    )
    where = NETWORK if trouble in _OF_THE_NETWORK else REALTIME
    said = message if where == NETWORK and message else told.sentence
    return problem(where, f"{_sentence(said)} ({code})", why, told.advice, code=code)


_OF_THE_NETWORK = frozenset({Trouble.NO_NETWORK, Trouble.NAME_NOT_FOUND, Trouble.TLS, Trouble.UNREACHABLE})


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def refused_certificate(code: int, said: str, skew_s: float | None) -> Finding:
    """`code` and `said`: OpenSSL's verdict; `skew_s`: our clock less the server's, None if it could not be told."""
    reason = said.rstrip(".").split(", certificate is not valid")[0] or "the certificate was refused"
    wrong_clock = skew_s is not None and abs(skew_s) > WRONG_S
    if wrong_clock or code == _NOT_YET_VALID:
        why = "Certificates are valid from one day to another, and this machine thinks that it is another day."
        return problem(NETWORK, f"{_TLS} {reason}, because the clock is wrong.", why, _CLOCK_REMEDY, code="tls_failed")
    if code == _EXPIRED:
        why = "Either the server's certificate has really expired, or this machine's clock is ahead."
        return problem(NETWORK, f"{_TLS} {reason}.", why, _CLOCK_REMEDY, code="tls_failed")
    if code in _UNKNOWN_ISSUERS:
        why = "Nobody vouches for the server: it has a private certificate, or somebody stands between."
        remedy = "sudo apt-get install --reinstall ca-certificates; for a private CA set SSL_CERT_FILE in the unit"
        return problem(NETWORK, f"{_TLS} {reason}.", why, remedy, code="tls_failed")
    if code == _WRONG_HOST:
        why = "The certificate belongs to another name: a portal of a hotel, or a wrong address."
        return problem(NETWORK, f"{_TLS} {reason}.", why, "check realtime.url", code="tls_failed")
    return problem(NETWORK, f"{_TLS} {reason}.", "The key is sent to nobody else.", NOTICES[Trouble.TLS].advice)


_TLS = "No trusted connection:"


def clock(skew_s: float | None, synchronised: bool | None) -> list[Finding]:
    """`skew_s`: this machine's clock less the server's; `synchronised`: what timedatectl says, None: nothing."""
    figures = {"skew_s": None if skew_s is None else round(skew_s, 1), "synchronised": synchronised}
    if skew_s is not None and abs(skew_s) > SKEWED_S:
        where = "ahead" if skew_s > 0 else "behind"
        what = f"The clock is {abs(skew_s):.0f} s {where}."
        why = "Certificates, alarms and bills go by it; a server may refuse whoever lives in another time."
        kind = problem if abs(skew_s) > WRONG_S else notice
        return [kind(CLOCK, what, why, _CLOCK_REMEDY, **figures)]
    if synchronised is False:
        why = "It will drift, and after a power failure a Raspberry Pi does not know the time."
        return [notice(CLOCK, "The clock is not synchronised with the network.", why, _CLOCK_REMEDY, **figures)]
    if skew_s is None:
        return []
    return [ok(CLOCK, f"The clock is right, within {max(1.0, abs(skew_s)):.0f} s.", **figures)]


def reached(resolve_ms: float, connect_ms: float, families: str, encrypted: bool) -> Finding:
    """Name, way and encryption are there."""
    what = f"The server's name is found ({families}) in {resolve_ms:.0f} ms, and it answers in {connect_ms:.0f} ms"
    what += ", with a certificate that is trusted." if encrypted else ", without encryption."
    figures = {"resolve_ms": round(resolve_ms), "connect_ms": round(connect_ms), "tls": encrypted}
    if max(resolve_ms, connect_ms) > SLOW_MS:
        why = "Each conversation begins that much later."
        return notice(
            NETWORK, what, why, "see the Wi-Fi above, or lay a wire; realtime.keep_warm: true hides it", **figures
        )
    return ok(NETWORK, what, **figures)


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a GET of the model brought."""

    status: int
    code: str
    """The service's own, from its JSON; may be empty."""
    is_json: bool


def model(answer: ModelAnswer | None, name: str, *, openai: bool) -> list[Finding]:
    """`answer`: None: there was none. Servers other than OpenAI's need not know this way of asking."""
    if answer is None:
        return []
    figures = {"http_status": answer.status}
    if answer.status == 200 and answer.is_json:
        return [ok(REALTIME, f"The key may use the model {name}.", **figures)]
    if answer.status in (401, 403) and (openai or answer.code):
        return [_told(Trouble.KEY_REFUSED, answer)]
    if trouble_of(answer.code) is Trouble.MODEL_UNKNOWN or (openai and answer.status == 404):
        why = "It does not exist, has been shut down, or this account may not use it."
        remedy = "set realtime.model to one that exists, such as gpt-realtime-2.1-mini"
        return [problem(REALTIME, f"The service does not know the model {name}.", why, remedy, **figures)]
    if answer.status == 429:
        return [_told(trouble_of(answer.code) if answer.code == "insufficient_quota" else Trouble.RATE_LIMITED, answer)]
    if openai and answer.status >= 500:
        return [_told(Trouble.SERVER_ERROR, answer)]
    return []


def _told(trouble: Trouble | None, answer: ModelAnswer) -> Finding:
    told = NOTICES[trouble or Trouble.SERVER_ERROR]
    what = f"{_sentence(told.sentence)} (HTTP {answer.status})"
    return problem(REALTIME, what, "Without it there are no answers.", told.advice, http_status=answer.status)


def session(seconds: float) -> Finding:
    """A session came to be just as for a conversation."""
    what = f"The service agreed to a session, with model, voice and settings as configured, in {seconds:.1f} s."
    figures = {"session_s": round(seconds, 2)}
    if seconds > 3.0:
        why = "Each conversation begins that much later."
        return notice(REALTIME, what, why, "realtime.keep_warm: true", **figures)
    return ok(REALTIME, what, **figures)
