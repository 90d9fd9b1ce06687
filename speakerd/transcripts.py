"""What was said, in words, for whoever subscribes: the scribe if the configuration asks, and code of one's own.

    stop = transcripts.subscribe(lambda said: print(said))
    ...
    stop()

A turn comes in pieces (`SaidPartly`), then as a whole (`Said`, often before the assistant has spoken it to the end).
Where the assistant was interrupted, `SaidCut` says what was heard: of what is told about an item the last counts.
Owned by the loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from speakerd.logfields import fields
from speakerd.realtime.outputs import Said, SaidCut, SaidPartly

log = logging.getLogger(__name__)

MOST = 16
"""Subscribers at a time."""

Spoken: TypeAlias = Said | SaidPartly | SaidCut
Subscriber: TypeAlias = Callable[[Spoken], None]
"""Called in the loop; it must not block. What it raises is counted, and does not disturb the others."""


class Transcripts:
    """One for the life of the daemon. Keeps no word itself."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []
        self.failures = 0
        """Times that a subscriber raised."""

    @property
    def wanted(self) -> bool:
        """Somebody subscribes: the server is to write down the user's words too, which it charges for."""
        return bool(self._subscribers)

    def subscribe(self, take: Subscriber) -> Callable[[], None]:
        """From now on `take` gets what is said, until what this returns is called (which may be done twice).

        Raises RuntimeError if there are too many. The user's words come only in sessions that were asked for
        while somebody subscribed; the app asks when it is built.
        """
        if len(self._subscribers) >= MOST:
            raise RuntimeError(f"more than {MOST} subscribers of transcripts")
        entry: Subscriber = lambda said: take(said)  # noqa: E731 - the same callable may subscribe twice
        self._subscribers.append(entry)

        def stop() -> None:
            if entry in self._subscribers:
                self._subscribers.remove(entry)

        return stop

    def take(self, said: Spoken) -> None:
        """Hand it on."""
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(said)
            except Exception as error:  # noqa: BLE001 - code of others must not end a conversation
                self.failures += 1
                if self.failures == 1:
                    log.warning(
                        "A subscriber of the transcripts failed: %s.",
                        type(error).__name__,
                        extra=fields(event="SubscriberFailed"),
                    )
