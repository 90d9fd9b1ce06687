"""What a client shows at the door: its path, its model, its token, its subprotocols. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from speakerd.relay.refusals import NOT_FOUND, Refusal

PATHS = ("/v1/realtime", "/api/realtime")
KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""Browsers cannot set headers on a WebSocket; they offer the token as a subprotocol that begins so."""
PASSED_SUBPROTOCOLS = ("realtime", "openai-beta.realtime-v1")
"""Those that the service knows; all others stay here."""
MAX_MODEL_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to open a session."""

    model: str
    secret: str
    """The token as shown; empty if none was."""
    subprotocols: tuple[str, ...]
    """To be offered to the service."""

    def __repr__(self) -> str:
        """Without the secret: it may come into a traceback."""
        return f"Visit(model={self.model!r})"


def read(path: str, authorization: Iterable[str], offered: Iterable[str], usual_model: str) -> Visit | Refusal:
    """What a request asks for. `authorization` and `offered` are the values of those headers."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return NOT_FOUND
    if parts.path.rstrip("/") not in PATHS:
        return NOT_FOUND
    models = [value for key, value in parse_qsl(parts.query) if key == "model"]
    others = sorted({key for key, _ in parse_qsl(parts.query, keep_blank_values=True)} - {"model"})
    if others:
        # `call_id`, say, would join somebody else's call under our key.
        return Refusal(400, "unknown_parameter", "Only the parameter `model` is passed on.")
    model = models[0] if models else usual_model
    if len(models) > 1 or not 0 < len(model) <= MAX_MODEL_CHARACTERS or not model.isprintable():
        return Refusal(400, "invalid_value", "Name one model.", param="model")
    names = [name.strip() for value in offered for name in value.split(",")]
    return Visit(model, _secret(authorization, names), tuple(name for name in PASSED_SUBPROTOCOLS if name in names))


def _secret(authorization: Iterable[str], names: list[str]) -> str:
    for value in authorization:
        scheme, _, secret = value.partition(" ")
        if scheme.lower() == "bearer":
            return secret.strip()
    return next((name.removeprefix(KEY_SUBPROTOCOL) for name in names if name.startswith(KEY_SUBPROTOCOL)), "")
