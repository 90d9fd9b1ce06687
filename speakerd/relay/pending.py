"""To whom something is being sent, and since when it was not taken. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Peer = TypeVar("Peer", bound=Hashable)


class Pending(Generic[Peer]):
    """Of one session's sockets. Times are CLOCK_MONOTONIC seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` tells the time."""
        self._clock = clock
        self._since_s: dict[Peer, float] = {}

    @contextmanager
    def to(self, peer: Peer) -> Iterator[None]:
        """Something is sent meanwhile; if that was so already, the time goes on."""
        self._since_s.setdefault(peer, self._clock())
        try:
            yield
        finally:
            self.taken(peer)

    def begin(self, peer: Peer) -> None:
        """The next piece is sent: the time counts from now on."""
        self._since_s[peer] = self._clock()

    def taken(self, peer: Peer) -> None:
        """It was taken."""
        self._since_s.pop(peer, None)

    def stalled(self, now_s: float, stall_s: float) -> list[Peer]:
        """Those who have taken nothing for longer than `stall_s`."""
        return [peer for peer, since_s in self._since_s.items() if now_s - since_s > stall_s]
