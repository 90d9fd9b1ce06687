"""The assistant's items: what came of each, what was heard, what was said in it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from speakerd.conversation.events import ItemHeard
from speakerd.pcm import BYTES_PER_SAMPLE, WIRE_RATE_HZ
from speakerd.realtime import outgoing

REMEMBERED = 64
"""Items that are kept: far more than one reply holds."""
MAX_CHARACTERS = 20_000
"""Of one item's words."""


@dataclass(slots=True)
class Item:
    """One message of the assistant."""

    content_index: int = 0
    received_bytes: int = 0
    words: str = ""
    heard_share: float | None = None
    """0 to 1 once it was cut."""

    @property
    def received_ms(self) -> int:
        """Whole ms of sound that came; never more than the server has."""
        return self.received_bytes // BYTES_PER_SAMPLE * 1000 // WIRE_RATE_HZ

    @property
    def heard_words(self) -> str:
        """Roughly what was heard: words and sound run alike."""
        if self.heard_share is None:
            return self.words
        cut = self.words[: round(len(self.words) * self.heard_share)]
        whole = cut == self.words or self.words[len(cut)].isspace()
        return cut.strip() if whole else cut.rpartition(" ")[0].strip()


@dataclass(slots=True)
class Items:
    """The newest ones of a session."""

    _items: dict[str, Item] = field(default_factory=dict)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def of(self, item_id: str) -> Item:
        """The item, known or new."""
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = Item()
            while len(self._items) > REMEMBERED:
                del self._items[next(iter(self._items))]
        return item

    def sounded(self, item_id: str) -> bool:
        """True if sound of it was passed on."""
        item = self._items.get(item_id)
        return item is not None and item.received_bytes > 0

    def hear(self, item_id: str, content_index: int, size: int) -> None:
        """`size` bytes of its sound were passed on."""
        item = self.of(item_id)
        if not item.received_bytes:
            item.content_index = content_index
        item.received_bytes += size

    def say(self, item_id: str, text: str, *, final: bool) -> Item:
        """More of its words, or all of them."""
        item = self.of(item_id)
        item.words = (text if final else item.words + text)[:MAX_CHARACTERS]
        return item

    def silence(self, item_id: str) -> Item:
        """Nothing of it was heard, whatever its words are."""
        item = self.of(item_id)
        item.heard_share = 0.0
        return item

    def cut(self, heard: ItemHeard) -> tuple[str, Item] | None:
        """The message that tells the server what was heard of an item, and the item; None if it never sounded.

        Never more than was received or heard, and never 0 ms: what nobody heard is deleted.
        """
        item = self._items.get(heard.item_id)
        if item is None or not item.received_bytes:
            return None
        end_ms = min(heard.heard_ms, heard.received_ms, item.received_ms)
        if end_ms <= 0:
            item.heard_share = 0.0
            return outgoing.item_delete(heard.item_id), item
        item.heard_share = end_ms / item.received_ms
        return outgoing.item_truncate(heard.item_id, item.content_index, end_ms), item
