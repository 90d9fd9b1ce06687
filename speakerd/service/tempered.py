"""Keeps the journal from being flooded: a handler before the handler."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable

from speakerd.logfields import NAME, fields_of
from speakerd.service.repeats import CONDITION, FAULT, Repeats

CONDITIONS = {
    "DeviceFailed": "device",
    "DeviceBusy": "device",
    "DeviceHangs": "device",
    "MicrophoneDead": "device",
    "DeviceWorks": "device",
    "HalfDuplex": "duplex",
    "FullDuplex": "duplex",
    "Stalled": "movement",
    "Moves": "movement",
    "StoreAway": "store",
    "StoreBack": "store",
}
"""Kinds of entries that tell how something stands now, and what that is."""
COUNTED = frozenset({"SoundLost", "ReplyStuttered"})
"""Kinds that add up by themselves what happened since they were told last."""
ANSWERS = frozenset({"ReloadRefused", "NeedsRestart"})
"""Kinds that answer somebody who asked just now."""
WHO = ("device", "devices", "code", "reason", "skill", "server", "model", "thread", "work", "program")
"""Fields that make one fault another."""


class Tempered(logging.Handler):
    """Hands entries on to `inner`, the same fault not too often: see `repeats`.

    What changes the conversation's state, what answers, what is no fault, and what names no kind goes on as it comes.
    """

    def __init__(self, inner: logging.Handler, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.inner = inner
        self._clock = clock
        self._repeats: Repeats[logging.LogRecord] = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand it on, or leave it out."""
        given = fields_of(record)
        event = str(given.get("event", ""))
        changes = given.get("from_state") not in (None, given.get("state"))
        if event in CONDITIONS:
            key, rule = (CONDITIONS[event], given.get("device")), CONDITION
        elif event and record.levelno >= logging.WARNING and event not in COUNTED | ANSWERS and not changes:
            key, rule = (event, tuple(str(given.get(name)) for name in WHO)), FAULT
        else:
            self.inner.handle(record)
            return
        value = f"{event} {given.get('trouble', '')}"
        left_out = self._repeats.take(key, value, record, rule, self._clock())
        if left_out is not None:
            self._tell(record, left_out)

    def settle(self) -> None:
        """Tell what was left out and is due. Call it every few seconds, in any thread."""
        self.acquire()
        try:
            for record, left_out in self._repeats.due(self._clock()):
                self._tell(record, left_out)
        finally:
            self.release()

    def _tell(self, record: logging.LogRecord, left_out: int) -> None:
        if left_out:
            record = copy.copy(record)
            record.msg, record.args = "%s (%d more like it left out)", (record.getMessage(), left_out)
            setattr(record, NAME, {**fields_of(record), "left_out": left_out})
        self.inner.handle(record)
