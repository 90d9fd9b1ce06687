"""What the journal says at the start: what this daemon is about to do, and what it lacks for that."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit, urlunsplit

from speakerd.config.model import Config
from speakerd.logfields import fields
from speakerd.realtime.address import asked_model

log = logging.getLogger(__name__)


def announce(config: Config, *, has_key: bool) -> None:
    """Devices, wake words, server; a warning if the server will want a key and there is none."""
    words = ", ".join(f"{word.model}{word.persona and f' for {word.persona}'}" for word in config.wake.words)
    audio, url = config.audio, config.realtime.url
    log.info(
        "Microphone %s, loudspeaker %s, wake word%s %s.",
        audio.capture_device,
        audio.playback_device,
        "s" if len(config.wake.words) > 1 else "",
        words,
        extra=fields(event="Starting"),
    )
    if url == "embedded":
        told = fields(event="ServerChosen", server=url)
        log.info("The embedded server answers: no key and no network are needed.", extra=told)
    else:
        server, model = without_secrets(url), asked_model(url, config.realtime.model)
        log.info("Server %s, model %s.", server, model, extra=fields(event="ServerChosen", server=server, model=model))
        if config.realtime.fallback == "embedded":
            told = fields(event="ServerChosen", server="embedded")
            log.info("The embedded server answers while that cannot be reached.", extra=told)
    if not has_key and url.startswith("wss://"):
        log.warning(
            "No API key: store one as the credential openai-api-key or in OPENAI_API_KEY.",
            extra=fields(event="KeyMissing"),
        )


def without_secrets(url: str) -> str:
    """`url` without its query, which may hold a token, and without a password before the host."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
