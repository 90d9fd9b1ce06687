"""Writes down what was said, where the configuration asks for it. Owned by the loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from speakerd.config.model import Transcripts
from speakerd.conversation.state import State
from speakerd.logfields import fields
from speakerd.realtime.outputs import Said, SaidCut, SaidPartly
from speakerd.service.eventlog import EventLog

log = logging.getLogger(__name__)

MAX_CHARACTERS = 20_000
"""Of one entry; the rest is left out."""


class Scribe:
    """One for the life of the daemon."""

    def __init__(self, section: Transcripts, eventlog: EventLog | None, state: Callable[[], State]) -> None:
        """`state` of the conversation, for the events file."""
        self._section = section
        self._eventlog = eventlog
        self._state = state

    def use(self, section: Transcripts) -> None:
        """Write what this section asks for, from now on."""
        self._section = section

    @property
    def wanted(self) -> bool:
        """There is somewhere to write to."""
        return (self._section.events and self._eventlog is not None) or self._section.journal

    def take(self, said: Said | SaidPartly | SaidCut) -> None:
        """Write it down."""
        name = type(said).__name__
        role = "assistant" if isinstance(said, SaidCut) else said.role
        text = _writable(said.text)[:MAX_CHARACTERS]
        if self._section.events and self._eventlog is not None:
            told = {"role": role, "text": text, "item_id": said.item_id}
            self._eventlog.write(name, time.monotonic(), state=self._state(), **told)
        if self._section.journal:
            sentence = _sentence(said, role)
            if self._section.in_messages:
                sentence = f"{sentence[:-1]}: {' '.join(text.split())}"
            level = logging.DEBUG if isinstance(said, SaidPartly) else logging.INFO
            log.log(level, "%s", sentence, extra=fields(event=name, role=role, text=text, item=said.item_id))


def _sentence(said: Said | SaidPartly | SaidCut, role: str) -> str:
    match said:
        case Said():
            return f"What the {role} said was written down."
        case SaidPartly():
            return f"A piece of what the {role} says was written down."
        case SaidCut():
            return "What was heard of the reply that was cut was written down."


def _writable(text: str) -> str:
    """Without half characters, which neither the journal nor a terminal takes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
