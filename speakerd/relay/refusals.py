"""Why somebody is not let in, or on: HTTP answers and `error` events in the shape of the service. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_REASON_BYTES = 120
"""A close frame holds 123 bytes of reason."""

_SECRETS = re.compile(r"\b(sk|org|proj|user|spk)[-_][A-Za-z0-9_*.-]+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One sentence for people, a code for programs. Never holds a secret."""

    status: int
    """HTTP status, where there is no session yet."""
    code: str
    message: str
    kind: str = "invalid_request_error"
    param: str | None = None
    retry_s: int = 0
    """When to try again; 0 if it is of no use to tell."""
    close_code: int = 1008
    """Of a session that it ends."""

    def body(self) -> bytes:
        """The JSON of an HTTP answer."""
        return json.dumps({"error": self._error()}).encode("ascii")

    def event(self, event_id: str, of: str | None = None) -> str:
        """The `error` event for a running session; `of`: the id of the client's event that it answers."""
        return json.dumps({"type": "error", "event_id": event_id, "error": self._error() | {"event_id": of}})

    @property
    def reason(self) -> str:
        """For a close frame."""
        text = f"{self.code}: {self.message}".encode()[:MAX_REASON_BYTES]
        return text.decode("utf-8", "ignore")

    def _error(self) -> dict[str, Any]:
        return {"type": self.kind, "code": self.code, "message": self.message, "param": self.param}


NOT_FOUND = Refusal(404, "not_found", "Connect to /v1/realtime or /api/realtime.")
NO_WEBSOCKET = Refusal(426, "upgrade_required", "This is a WebSocket: connect with a WebSocket client.")
NO_TOKEN = Refusal(401, "missing_token", "Show a token: as `Authorization: Bearer …` or as a subprotocol.")
BAD_TOKEN = Refusal(401, "invalid_api_key", "This token is not known here, or was revoked.")
REVOKED = Refusal(401, "invalid_api_key", "This token was revoked.")
TOO_MANY_FAILURES = Refusal(
    429, "rate_limit_exceeded", "Too many wrong tokens from this address.", "requests", retry_s=60
)
TOO_OFTEN = Refusal(429, "rate_limit_exceeded", "This token connects too often.", "requests", retry_s=10)
TOO_MANY_SESSIONS = Refusal(
    429, "rate_limit_exceeded", "This token has as many sessions as it may.", "requests", retry_s=10
)
FULL = Refusal(503, "server_overloaded", "The relay has as many sessions as it can.", "server_error", retry_s=10)
STORE_AWAY = Refusal(503, "service_unavailable", "The relay cannot look up tokens now.", "server_error", retry_s=5)
UNREACHABLE = Refusal(502, "upstream_unreachable", "The service cannot be reached.", "server_error", retry_s=5)
SLOW_SERVICE = Refusal(504, "upstream_timeout", "The service did not answer in time.", "server_error", retry_s=5)
KEY_REFUSED = Refusal(502, "upstream_key_refused", "The service refused the relay's own key.", "server_error")
BINARY = Refusal(400, "unsupported_data", "Binary messages are not understood: send JSON as text.", close_code=1003)
TOO_LARGE = Refusal(
    413, "message_too_large", "This message is too large to be checked, and not only sound.", close_code=1009
)
STALLED = Refusal(408, "stalled", "Nothing could be sent to you for too long.", "server_error")


def model_refused(model: str) -> Refusal:
    """The token may not use this model."""
    return Refusal(403, "model_not_found", f"This token may not use the model {_short(model)}.", param="model")


def budget_spent(when: str) -> Refusal:
    """`when`: `today` or `this month`."""
    return Refusal(429, "insufficient_quota", f"The budget of this token for {when} is spent.", "insufficient_quota")


def of_service(status: int, body: bytes, retry_after: str | None) -> Refusal:
    """The service's own refusal, without what it tells of its key and its account."""
    if status in (401, 403):
        return KEY_REFUSED  # ours, not the speaker's: a 401 would send people to look at their token
    try:
        error = json.loads(body)["error"]
        code, kind, message = (str(error.get(name) or "") for name in ("code", "type", "message"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        code = kind = message = ""
    if not 400 <= status <= 599:
        status = 502
    message = _SECRETS.sub("…", message)[:500] or f"The service answered HTTP {status}."
    retry_s = int(retry_after) if retry_after and retry_after.isdecimal() and len(retry_after) < 6 else 0
    return Refusal(status, _short(code) or f"http_{status}", message, _short(kind) or "server_error", retry_s=retry_s)


def _short(text: str) -> str:
    return "".join(letter for letter in text[:80] if letter.isprintable())
