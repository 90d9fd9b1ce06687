"""Who calls a speaker whose microphone does not work is to know why it keeps silent. Owned by the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from speakerd.errors import DeadMicrophoneError, DeviceError

AFTER_S = 5.0
"""What comes back sooner, such as a sound server that is started anew, nobody needs to hear of."""
STEADY_S = 3.0
"""Sooner than this a microphone that works again may fail again: by a loose plug, or found hung after two seconds."""
DEAF = "I cannot hear you: my microphone does not work."
HEARS_AGAIN = "I can hear you again."
MUTED = "My microphone is switched off."


class Deafness:
    """One for the life of the daemon."""

    def __init__(self, say: Callable[[str], None], muted: Callable[[], bool]) -> None:
        """`say` speaks an English sentence, now or when the conversation is over; `muted`: the microphone is."""
        self._say = say
        self._muted = muted
        self._timer: asyncio.TimerHandle | None = None
        self._failed_s: float | None = None
        """When it began not to work, on the loop's clock; None while it works."""
        self._told = False

    def device(self, name: str, error: DeviceError | None) -> None:
        """`name` (microphone, loudspeaker) works (None) or does not: told anew with every retry."""
        if name != "microphone":  # of a loudspeaker that does not work nobody would hear
            if error is None and self._told:  # nor of the microphone, as long as it did not
                self._say(DEAF)
            return
        if isinstance(error, DeadMicrophoneError):  # some speakerphones give zeros between words, all night
            return
        loop = asyncio.get_running_loop()
        self.close()
        if error is None:
            if self._failed_s is not None:
                self._timer = loop.call_later(STEADY_S, self._hears_again)
            return
        if self._failed_s is None:
            self._failed_s = loop.time()
        if not self._told:
            self._timer = loop.call_at(self._failed_s + AFTER_S, self._tell)

    def close(self) -> None:
        """Say nothing that was not said yet. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self._told = True
        self._say(DEAF)

    def _hears_again(self) -> None:
        self._failed_s = None
        if self._told:
            self._told = False
            self._say(MUTED if self._muted() else HEARS_AGAIN)
