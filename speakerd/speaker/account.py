"""The account of what was heard of each item. Pure.

Positions are frames written to the card, counted from its opening; what the card has not played yet
lies between the *heard* position and the *written* one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from speakerd.conversation.events import ItemHeard
from speakerd.pcm import WIRE_RATE_HZ


@dataclass(slots=True, eq=False)
class Item:
    """A piece of the assistant's speech, as the server counts it."""

    item_id: str
    wire_frames: int = 0
    """Received, at the wire's rate."""
    frames: int = 0
    """Received, at the sink's rate, less what a lost card took along."""
    heard_frames: int = 0
    complete: bool = False
    """No more of it will come."""


@dataclass(slots=True, eq=False)
class _Span:
    """Frames of one item at one place in what was written to the card."""

    start: int
    frames: int
    item: Item


class Account:
    """Told what is received, written, heard and dropped; tells what was heard of what was cut."""

    def __init__(self, rate_hz: int) -> None:
        """`rate_hz`: of the sink."""
        self.written = 0
        """Position behind the last frame written, silence and all."""
        self.heard = 0
        """Position behind the last frame that sounded."""
        self._rate_hz = rate_hz
        self._items: deque[Item] = deque()
        self._cut: list[Item] = []
        self._spans: deque[_Span] = deque()

    @property
    def in_card(self) -> bool:
        """True while frames of items were written and not heard."""
        return bool(self._spans)

    @property
    def first_in_card(self) -> str:
        """The item whose frames sound next; there must be one."""
        return self._spans[0].item.item_id

    @property
    def end_in_card(self) -> int:
        """Position behind the last item frame written and not heard; 0 if there is none."""
        return self._spans[-1].start + self._spans[-1].frames if self._spans else 0

    def receive(self, item_id: str, frames: int, wire_frames: int) -> Item:
        """So much more of `item_id` came; a new item completes those before."""
        if not self._items or self._items[-1].item_id != item_id:
            for item in self._items:
                item.complete = True
            self._items.append(Item(item_id))
        item = self._items[-1]
        item.frames += frames
        item.wire_frames += wire_frames
        return item

    def complete(self) -> None:
        """No more will come of any item."""
        for item in self._items:
            item.complete = True
        self._forget_finished()

    def write(self, item: Item, start: int, frames: int) -> None:
        """`frames` of `item` go to the card at position `start`."""
        self._spans.append(_Span(start, frames, item))

    def hear(self, position: int) -> None:
        """Everything before `position` has sounded."""
        self.heard = position = max(self.heard, position)
        while self._spans and self._spans[0].start < position:
            span = self._spans[0]
            heard = min(span.frames, position - span.start)
            span.item.heard_frames += heard
            if heard == span.frames:
                self._spans.popleft()
            else:
                span.start, span.frames = position, span.frames - heard
        self._forget_finished()

    def drop(self, queued_frames: int) -> None:
        """The newest `queued_frames` will never be heard."""
        self.written -= queued_frames
        self.hear(self.written)
        self.heard = self.written
        for span in self._spans:
            if span.item not in self._cut:
                span.item.frames -= span.frames  # nobody waits for them: the item ends without
        self._spans.clear()
        self._forget_finished()

    def cut(self) -> None:
        """What was received and not written never will be."""
        self._cut.extend(self._items)
        self._items.clear()

    def settle(self) -> tuple[ItemHeard, ...]:
        """The items cut that were not heard to their end, each told once."""
        items = tuple(
            ItemHeard(item.item_id, *self._heard_ms(item))
            for item in self._cut
            if item.wire_frames and not (item.complete and item.heard_frames >= item.frames)
        )
        self._cut.clear()
        return items

    def _forget_finished(self) -> None:
        while self._items and self._items[0].complete and self._items[0].heard_frames >= self._items[0].frames:
            self._items.popleft()

    def _heard_ms(self, item: Item) -> tuple[int, int]:
        received_ms = item.wire_frames * 1000 // WIRE_RATE_HZ
        return min(item.heard_frames * 1000 // self._rate_hz, received_ms), received_ms
