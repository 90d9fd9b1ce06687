"""Looks whether sound moves: READY=1 when it does, WATCHDOG=1 as long as it does. Owned by the loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeAlias

from speakerd.errors import DeadMicrophoneError, DeviceBusyError, DeviceError, DeviceHungError
from speakerd.logfields import fields
from speakerd.service.notify import Notifier
from speakerd.service.sentences import nothing_passes

log = logging.getLogger(__name__)

READY_POLL_S = 0.05
PATIENCE_S = 5.0
"""Time after which a start without sound is called a problem."""
LOOK_S = 10.0
"""How often to look whether sound moves; more often if the watchdog wants to be fed more often."""
RETRY_S = 30.0
"""A device in trouble that was not tried again for so long hangs."""

FAILURES = {
    DeviceBusyError: "DeviceBusy",
    DeviceHungError: "DeviceHangs",
    DeadMicrophoneError: "MicrophoneDead",
}
"""The kinds of entries that tell of errors with a remedy of their own; of others it is DeviceFailed."""

Progress: TypeAlias = Callable[[], tuple[int, int]]
"""Counts near frames that passed the wake detector, and periods played."""


class Vigil:
    """One for the life of the daemon."""

    def __init__(self, notifier: Notifier) -> None:
        self.troubles: dict[str, str] = {}
        """What is wrong with which device."""
        self.stalled: list[str] = []
        """Those that no sound passes, and no trouble explains it."""
        self._notifier = notifier
        self._tried_s: dict[str, float] = {}

    def device(self, name: str, error: DeviceError | None) -> None:
        """`name` (microphone, loudspeaker) works (None) or does not (why): told anew with every retry."""
        self._tried_s[name] = time.monotonic()
        trouble = str(error)
        if error is None:
            if self.troubles.pop(name, None) is not None:
                log.info("The %s works again.", name, extra=fields(event="DeviceWorks", device=name))
        elif self.troubles.get(name) != trouble:
            self.troubles[name] = trouble
            kind = FAILURES.get(type(error), "DeviceFailed")
            told = fields(event=kind, device=name, trouble=trouble)
            log.error("The %s does not work: %s", name, trouble, extra=told)

    async def until_ready(self, progress: Progress, on_look: Callable[[], None]) -> None:
        """Return once sound has moved both ways; `on_look` is called every few seconds."""
        waited_s = 0.0
        while min(progress()) == 0:
            await asyncio.sleep(READY_POLL_S)
            waited_s += READY_POLL_S
            if waited_s >= PATIENCE_S:
                waited_s = 0.0
                still = self._still((0, 0), progress())
                hung = self._note(still)
                on_look()
                if not hung:
                    self._notifier.need_time(RETRY_S)  # else systemd would give up a start that may yet succeed
                else:
                    told = fields(event="NotReady", devices=" ".join(still))
                    log.warning("Not ready yet: %s", nothing_passes(still), extra=told)

    async def keep_looking(self, progress: Progress, on_look: Callable[[], None]) -> None:
        """Feed the watchdog while sound moves. Runs until cancelled; `on_look` is called every few seconds."""
        interval_s = min(self._notifier.watchdog_interval_s or LOOK_S, LOOK_S)
        before, stalled = progress(), False
        while True:
            await asyncio.sleep(interval_s)
            now = progress()
            still = self._still(before, now)
            before, hung = now, self._note(still)
            on_look()
            if not hung:
                self._notifier.alive()
            if hung and not stalled:
                stalled = True
                told = fields(event="Stalled", devices=" ".join(still))
                log.error("No sound moves: %s", nothing_passes(still), extra=told)
            elif stalled and not still:
                stalled = False
                log.info("Sound moves again.", extra=fields(event="Moves"))

    @staticmethod
    def _still(before: tuple[int, int], now: tuple[int, int]) -> list[str]:
        """The devices that no sound has passed in between."""
        return [name for name, a, b in zip(("microphone", "loudspeaker"), before, now, strict=True) if a == b]

    def _note(self, still: list[str]) -> bool:
        """True if one of those that stand `still` hangs: then `stalled` tells which do."""
        hung = not all(map(self._retrying, still))
        self.stalled[:] = still if hung else []
        return hung

    def _retrying(self, name: str) -> bool:
        """True if `name` does not work, that is known, and its thread goes on trying."""
        return name in self.troubles and time.monotonic() - self._tried_s[name] < RETRY_S
