"""Whose turn it is, as the server sees it, and who is to see to the answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Turns:
    """Turn detection is the server's; whether it answers by itself can change once, by `release`."""

    released: bool
    """The server may answer. Before that, no response is wanted."""
    server_answers: bool
    """As the server last confirmed: each turn is answered without our asking."""
    user_speaks: bool = False
    due: bool = False
    """The server owes the answer to a turn."""
    waits: bool = False
    """A turn that came before the release."""

    @property
    def busy(self) -> bool:
        """Somebody speaks or waits for an answer."""
        return self.user_speaks or self.due or self.waits

    def started(self) -> None:
        """The user began to speak."""
        self.user_speaks = True

    def stopped(self) -> None:
        """The user has finished."""
        self.user_speaks = False

    def committed(self) -> bool:
        """The turn is an item now; True if we are to ask for the answer."""
        self.user_speaks = False
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
