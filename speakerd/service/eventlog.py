"""`--events FILE`: one JSON object a line for every event and state change of the conversation."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speakerd.conversation.events import Event, PlayoutFlushed
from speakerd.conversation.state import State
from speakerd.errors import SpeakerdError
from speakerd.logfields import fields

log = logging.getLogger(__name__)


class EventLog:
    """Appends to a file, line by line, so that a reader sees each at once. `write` may be called in any thread.

    A disk that takes no more costs lines, counted, and one warning: never the daemon.
    """

    def __init__(self, path: Path) -> None:
        """Raises SpeakerdError if the file cannot be opened."""
        try:
            self._file = path.open("ab", buffering=0)  # a buffer would tear lines when the disk is full
        except OSError as error:
            raise SpeakerdError(
                f"--events {path}: {error.strerror}", hint="name a file in a writable folder"
            ) from error
        self._path = path
        self._torn = False
        self._lock = threading.Lock()
        self.lost = 0
        """Lines that could not be written."""

    def event(self, event: Event, before: State, after: State, now_s: float, figures: dict[str, float]) -> None:
        """Write the event and, where it changed the state, the change."""
        fields = asdict(event)
        if isinstance(event, PlayoutFlushed) and event.items:
            fields["heard_ms"] = event.items[0].heard_ms
        self.write(type(event).__name__, now_s, state=after, **fields, **figures)
        if after is not before:
            self.write("StateChanged", now_s, state=after, **{"from": before})

    def write(self, name: str, now_s: float, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        """One line: `t` is CLOCK_MONOTONIC in seconds."""
        text = json.dumps({"t": round(now_s, 4), "event": name, **fields}, ensure_ascii=False)
        with self._lock:
            trouble = self._append(text.encode("utf-8", "backslashreplace"))  # half a surrogate: JSON's escape
        if trouble:  # told without the lock: the entry may be for this file, too
            self._lose(trouble)

    def _append(self, text: bytes) -> str:
        """Why the line is lost; empty if it is not."""
        line = b"\n" * self._torn + text + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            return error.strerror or type(error).__name__
        self._torn = written < len(line)
        return "no room for the whole line" if self._torn else ""

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            self._lose(error.strerror)

    def _lose(self, why: str | None) -> None:
        self.lost += 1
        if self.lost == 1:
            log.warning("Events are lost: --events %s: %s", self._path, why, extra=fields(event="EventsLost"))
