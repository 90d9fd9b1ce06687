"""Whose turn it is, as the server sees it, and who is to see to the answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass

WAKE_TAIL_MS = 250
"""Speech that ends no later than this after the moment of detection was the wake word alone (docs/costs.md)."""


@dataclass(slots=True)
class Turns:
    """Turn detection is the server's; whether it answers by itself can change once, by `release`."""

    released: bool
    """The server may answer. Before that, no response is wanted."""
    server_answers: bool
    """As the server last confirmed: each turn is answered without our asking."""
    silence_ms: int = 0
    """Silence with which the server ends a turn."""
    wake_ms: int | None = None
    """How far into the sound the wake word was detected; None: nothing was said of a wake word.

    Given one, the first turn makes the release, and is answered if more was said."""
    user_speaks: bool = False
    due: bool = False
    """The server owes the answer to a turn."""
    waits: bool = False
    """A turn that came before the release."""
    alone: bool = False
    """The turn that ended last was the wake word alone."""

    @classmethod
    def of(cls, *, server_answers: bool, silence_ms: int) -> Turns:
        """As the session is asked for."""
        return cls(server_answers, server_answers, silence_ms)

    @property
    def busy(self) -> bool:
        """Somebody speaks or waits for an answer."""
        return self.user_speaks or self.due or self.waits

    def started(self) -> None:
        """The user began to speak."""
        self.user_speaks = True

    def stopped(self, end_ms: int) -> bool:
        """The user has finished, so far into the sound (0: unknown); False if it was the wake word alone."""
        self.user_speaks = False
        known = not self.released and self.wake_ms is not None and end_ms > 0
        self.alone = known and end_ms - self.silence_ms <= (self.wake_ms or 0) + WAKE_TAIL_MS
        return not self.alone

    def committed(self) -> bool:
        """The turn is an item now; True if we are to ask for the answer."""
        self.user_speaks = False
        alone, self.alone = self.alone, False
        if alone:
            return False
        if self.server_answers:
            self.due = True
            return False
        self.waits = not self.released
        return self.released  # committed before the server heard that it may answer

    def release(self) -> bool:
        """The server may answer from now on; True if we are to ask for the answer to a turn that waits."""
        self.released = True
        waits, self.waits = self.waits, False
        return waits

    def answered(self) -> None:
        """A response began, or came to nothing."""
        self.due = self.user_speaks = False

    def forget(self) -> None:
        """No answer is wanted to what was said so far."""
        self.due = self.waits = False
