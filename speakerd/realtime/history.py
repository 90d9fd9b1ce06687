"""What was said in a conversation, as far as it was written down: for the session that goes on with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from speakerd.realtime.outputs import ItemAudio, Said, SaidCut, UserItem, Word

MAX_TURNS = 40
MAX_CHARACTERS = 6_000
"""Some 1,500 tokens."""


@dataclass(slots=True)
class History:
    """In the order of the conversation; words may come later than their place."""

    _turns: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Role and text by item id; empty text while it is not known."""

    def take(self, word: Word) -> None:
        """Note what belongs here."""
        match word:
            case ItemAudio(item_id):
                self.begin("assistant", item_id)
            case UserItem(item_id):
                self.begin("user", item_id)
            case Said(role, text, item_id):
                self.say(role, item_id, text)
            case SaidCut(item_id, text):
                self.say("assistant", item_id, text)

    def begin(self, role: str, item_id: str) -> None:
        """An item has its place."""
        if item_id not in self._turns:
            self._turns[item_id] = (role, "")
            while len(self._turns) > MAX_TURNS:
                del self._turns[next(iter(self._turns))]

    def say(self, role: str, item_id: str, text: str) -> None:
        """What an item says, as far as it was heard."""
        self.begin(role, item_id)
        self._turns[item_id] = (role, text.strip())

    def clear(self) -> None:
        """A new conversation begins."""
        self._turns.clear()

    def lines(self) -> list[tuple[str, str]]:
        """Role and text, oldest first; of a long conversation the newest part."""
        room, lines = MAX_CHARACTERS, []
        for role, text in reversed(self._turns.values()):
            if len(text) > room:
                break
            room -= len(text)
            if text:
                lines.append((role, text))
        return lines[::-1]
