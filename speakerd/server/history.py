"""The items of a conversation: their order, their sound, their words. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from speakerd.server.audio import PCM, AudioFormat
from speakerd.server.requests import RequestError
from speakerd.server.settings import Json
from speakerd.server.usage import ASSISTANT_TOKENS_PER_S, USER_TOKENS_PER_S, audio_tokens, text_tokens

MAX_ITEMS = 2_000
"""The oldest items beyond this are forgotten."""
MAX_KEPT_AUDIO_BYTES = 16 * 2**20
"""Sound of older items is forgotten beyond this; their words stay."""
MAX_KEPT_CHARS = 8_000_000
"""Text of all items; the oldest items beyond this are forgotten."""


@dataclass(slots=True)
class Item:
    """One item; `wire` is its JSON without sound."""

    wire: Json
    audio: bytearray = field(default_factory=bytearray)
    """Sound of its audio part, as on the wire; empty when forgotten."""
    audio_bytes: int = 0
    """How much sound it has, whether kept or not."""
    format: AudioFormat = PCM
    words: str = ""
    """What a user's turn said, as heard or as typed."""

    @property
    def id(self) -> str:
        """Identifier, unique in the conversation."""
        return str(self.wire["id"])

    @property
    def audio_ms(self) -> float:
        """Duration of its sound."""
        return self.format.ms(self.audio_bytes)

    def add_audio(self, data: bytes) -> None:
        """Append sound."""
        self.audio += data
        self.audio_bytes += len(data)

    def audio_part(self, index: int) -> Json | None:
        """The assistant's audio part at `index`, if that is what it is."""
        content: list[Json] = self.wire.get("content", [])
        if self.wire.get("role") != "assistant" or not 0 <= index < len(content):
            return None
        return content[index] if content[index]["type"] == "output_audio" else None

    def with_audio(self) -> Json:
        """The item as `conversation.item.retrieved` shows it."""
        content: list[Json] = self.wire.get("content", [])
        if not self.audio:
            return self.wire
        sound = base64.b64encode(self.audio).decode("ascii")
        parts = [{**p, "audio": sound} if p["type"] in ("input_audio", "output_audio") else p for p in content]
        return {**self.wire, "content": parts}

    def tokens(self) -> tuple[int, int]:
        """What the item costs as input: (text, audio) tokens."""
        per_s = ASSISTANT_TOKENS_PER_S if self.wire.get("role") == "assistant" else USER_TOKENS_PER_S
        return text_tokens("".join(self._texts("text"))), audio_tokens(self.audio_ms, per_s)

    @property
    def chars(self) -> int:
        """How much text it holds."""
        return sum(map(len, self._texts("text", "transcript", "image_url")))

    def _texts(self, *fields: str) -> list[str]:
        own = [str(self.wire.get(key, "")) for key in ("name", "arguments", "output")]
        return own + [str(part.get(key) or "") for part in self.wire.get("content", []) for key in fields]


class History:
    """The conversation, oldest item first."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def find(self, item_id: str) -> Item | None:
        """The item of that id."""
        return next((item for item in self.items if item.id == item_id), None)

    def add(self, item: Item, previous_item_id: str | None = None) -> str | None:
        """Insert after `previous_item_id` (None: at the end, "root": in front); returns the id now before it."""
        if self.find(item.id) is not None:
            message = f"Error adding item: an item with id '{item.id}' already exists."
            raise RequestError("item_create_invalid_item_id", message, "item.id")
        place = len(self.items)
        if previous_item_id == "root":
            place = 0
        elif previous_item_id is not None:
            previous = self.find(previous_item_id)
            if previous is None:
                message = f"Error adding item: the previous item with id '{previous_item_id}' does not exist."
                raise RequestError("item_create_invalid_previous_item_id", message, "previous_item_id")
            place = self.items.index(previous) + 1
        self.items.insert(place, item)
        before = self.items[place - 1].id if place else None
        del self.items[:-MAX_ITEMS]
        self._forget_old_text()
        self._forget_old_audio()
        return before

    def remove(self, item_id: str) -> None:
        """Delete an item."""
        self.items.remove(self._require(item_id, "delete", "deleting"))

    def retrieve(self, item_id: str) -> Json:
        """An item with its sound."""
        return self._require(item_id, "retrieve", "retrieving").with_audio()

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cut an assistant's sound to what was heard; its transcript is dropped, for nobody knows where to cut it."""
        item = self._require(item_id, "truncate", "truncating")
        part = item.audio_part(content_index)
        if part is None or not item.audio_bytes:
            raise RequestError("unsupported_content_type", "Only model output audio messages can be truncated")
        if audio_end_ms < 0:
            raise RequestError("invalid_value", "'audio_end_ms' must not be negative.", "audio_end_ms")
        if audio_end_ms > item.audio_ms:
            message = f"Audio content of {int(item.audio_ms)}ms is already shorter than {audio_end_ms}ms"
            raise RequestError("invalid_value", message, "audio_end_ms")
        item.audio_bytes = item.format.n_bytes(audio_end_ms)
        item.audio = item.audio[: item.audio_bytes]
        part.pop("transcript", None)

    def _require(self, item_id: str, verb: str, doing: str) -> Item:
        item = self.find(item_id)
        if item is None:
            message = f"Error {doing} item: the item with id '{item_id}' does not exist."
            raise RequestError(f"item_{verb}_invalid_item_id", message, "item_id")
        return item

    def _forget_old_text(self) -> None:
        chars = sum(item.chars for item in self.items)
        while chars > MAX_KEPT_CHARS and len(self.items) > 1:
            chars -= self.items.pop(0).chars

    def _forget_old_audio(self) -> None:
        kept = 0
        for item in reversed(self.items):
            kept += len(item.audio)
            if kept > MAX_KEPT_AUDIO_BYTES:
                kept -= len(item.audio)
                item.audio = bytearray()
