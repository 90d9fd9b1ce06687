"""The real daemon as a child process on the virtual sound card, and what it notes in its events file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

Happening: TypeAlias = dict[str, Any]
"""One line of the events file."""

POLL_S = 0.02
STOP_S = 5.0

DEVICES = "audio: {capture_device: speakerd_mic, playback_device: speakerd_speaker}\n"


class Card(Protocol):
    """Where it hears and speaks."""

    @property
    def env(self) -> Mapping[str, str]:
        """What the daemon's environment needs to find the card."""


class Daemon:
    """Runs from `start` to `stop`; used once. `folder` keeps its configuration, events and log.

    Start it in a thread that outlives it: the daemon is told to end when that thread does, however that ends.
    """

    def __init__(
        self,
        card: Card,
        folder: Path,
        config: str,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "speakerd"),
    ) -> None:
        """`config` is YAML beside the devices, which are the card's; `program` is what Python is to run."""
        self.events: list[Happening] = []
        """All events read so far."""
        self.events_path = folder / "events.jsonl"
        self.log_path = folder / "speakerd.log"
        self._config_path = folder / "speakerd.yaml"
        self._config = DEVICES + config
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "SPEAKERD_", "ALSA_", "OPENAI_"))}
        # The user's own ledger is no place for a play.
        kept |= {"STATE_DIRECTORY": str(folder / "state"), "CACHE_DIRECTORY": str(folder / "cache")}
        self._environment = {**kept, **card.env, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._position = 0
        self._program = program

    @property
    def pid(self) -> int:
        """Of the process; it must have been started."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the process; it is ready when its event `Ready` comes."""
        self._config_path.write_text(self._config)
        self.events_path.unlink(missing_ok=True)
        command = ["setpriv", "--pdeathsig", "TERM", sys.executable, *self._program, "run"]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--config", str(self._config_path), "--events", str(self.events_path)],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self, number: signal.Signals = signal.SIGTERM, patience_s: float = STOP_S) -> int | None:
        """Ask it to end; its exit status, None if it had to be killed."""
        assert self._process is not None
        self._process.send_signal(number)
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None

    def new(self) -> Iterator[Happening]:
        """Events since the last look."""
        if not self.events_path.exists():
            return
        with self.events_path.open(encoding="utf-8") as file:
            file.seek(self._position)
            while (line := file.readline()).endswith("\n"):
                self._position = file.tell()
                event = json.loads(line)
                self.events.append(event)
                yield event

    def find(self, name: str, since_s: float = 0.0, **fields: object) -> Happening | None:
        """The first event of that name at or after `since_s` (CLOCK_MONOTONIC) with these fields."""
        for _ in self.new():
            pass
        return next(
            (
                event
                for event in self.events
                if event["event"] == name
                and event["t"] >= since_s
                and all(event.get(key) == value for key, value in fields.items())
            ),
            None,
        )

    def wait(self, name: str, since_s: float = 0.0, timeout_s: float = 10.0, **fields: object) -> Happening | None:
        """As `find`, but waits for it; None if it does not come in time or the daemon ends."""
        until_s = time.monotonic() + timeout_s
        while (found := self.find(name, since_s, **fields)) is None:
            if time.monotonic() > until_s or self.exit_status is not None:
                return self.find(name, since_s, **fields)
            time.sleep(POLL_S)
        return found
