"""`--events FILE`: one JSON object a line for every event and state change of the conversation."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speakerd.conversation.events import Event, PlayoutFlushed
from speakerd.conversation.state import State
from speakerd.errors import SpeakerdError


class EventLog:
    """Appends to a file, line by line, so that a reader sees each at once. Owned by the loop."""

    def __init__(self, path: Path) -> None:
        """Raises SpeakerdError if the file cannot be opened."""
        try:
            self._file = path.open("a", buffering=1, encoding="utf-8")
        except OSError as error:
            raise SpeakerdError(
                f"--events {path}: {error.strerror}", hint="name a file in a writable folder"
            ) from error

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
        self._file.write(json.dumps({"t": round(now_s, 4), "event": name, **fields}, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
