"""What systemd is told: READY=1, STATUS=…, WATCHDOG=1, EXTEND_TIMEOUT_USEC=…, STOPPING=1 (`Type=notify`)."""

from __future__ import annotations

import logging
import os
import time

from systemd.daemon import notify

from speakerd.logfields import fields

_LOG = logging.getLogger(__name__)


class Notifier:
    """Speaks to the service manager. Outside a notify service every method does nothing. Never raises.

    Used by the loop's thread alone.
    """

    def __init__(self) -> None:
        self._last_status = ""
        self.failures = 0
        """Messages that could not be delivered; the first is logged."""

    @property
    def watchdog_interval_s(self) -> float | None:
        """How often to call `alive`: half of the unit's WatchdogSec. None if no watchdog watches this process."""
        if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
            return None
        try:
            timeout_us = int(os.environ.get("WATCHDOG_USEC", "0"))
        except ValueError:
            return None
        return timeout_us / 2e6 if timeout_us > 0 else None

    def ready(self) -> None:
        """Start-up is over: `systemctl start` returns."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The configuration is being read anew; `ready` follows, whatever comes of it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, sentence: str) -> None:
        """The line that `systemctl status` shows. The same sentence twice is sent once."""
        if sentence != self._last_status:
            self._last_status = sentence
            self._send(f"STATUS={_one_line(sentence)}")

    def need_time(self, seconds: float) -> None:
        """The start (or the stop) needs so much more from now on; say so again within that time."""
        self._send(f"EXTEND_TIMEOUT_USEC={seconds * 1e6:.0f}")

    def alive(self) -> None:
        """Feed the watchdog. Call it only while sound moves, or what keeps it from moving is known."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Shutdown has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        try:
            notify(message)
        except OSError as error:
            self.failures += 1
            if self.failures == 1:
                what = message.partition("=")[0]
                told = fields(event="SystemdUnreachable")
                _LOG.warning("systemd cannot be told %s: %s", what, error.strerror, extra=told)


def _one_line(sentence: str) -> str:
    """Nothing in it may look like another assignment, nor stop libsystemd from sending it."""
    return "".join(letter if letter.isprintable() else " " for letter in sentence)
