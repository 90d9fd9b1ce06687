"""What a daemon tells systemd, heard by somebody else: its pulse, and its status."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from types import TracebackType

from speakerd.threads import Worker

POLL_S = 0.5


class Supervisor:
    """Listens within `with`."""

    def __init__(self, folder: Path, watchdog_s: float) -> None:
        """`watchdog_s` is what WatchdogSec= of the unit would be."""
        path = str(folder / "notify")
        self.env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(round(watchdog_s * 1e6))}
        self.longest_gap_s = 0.0
        """Between two pulses."""
        self.pulses = 0
        self.status = ""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.settimeout(POLL_S)
        self._last_s: float | None = None
        self._errors: list[BaseException] = []
        self._worker = Worker("supervisor", self._run, lambda _, error: self._errors.append(error))

    def __enter__(self) -> Supervisor:
        """Start."""
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._worker.stop()
        self._worker.join(2 * POLL_S)
        self._socket.close()
        assert not self._errors, self._errors

    def _run(self, worker: Worker) -> None:
        while not worker.stopping:
            with contextlib.suppress(TimeoutError):
                self._note(self._socket.recv(65_536).decode(), time.monotonic())

    def _note(self, message: str, now_s: float) -> None:
        for line in message.splitlines():
            if line == "WATCHDOG=1":
                self.pulses += 1
                if self._last_s is not None:
                    self.longest_gap_s = max(self.longest_gap_s, now_s - self._last_s)
                self._last_s = now_s
            elif line.startswith("STATUS="):
                self.status = line.removeprefix("STATUS=")
