"""The jitter buffer and the account of what was heard. Pure.

Positions are frames written to the card, counted from its opening; what the card has not played yet
lies between the *heard* position and the *written* one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from speakerd.conversation.events import ItemHeard
from speakerd.pcm import WIRE_RATE_HZ, Samples, ms_to_frames

DEFAULT_PREFILL_MS = 100
"""The service sends faster than real time, so this only has to bridge the first deltas (60 underran at times)."""

DEFAULT_BOUND_S = 210.0
"""Most sound that may wait: the longest reply the conversation allows by default, and half a minute."""


@dataclass(slots=True, eq=False)
class _Item:
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
    item: _Item


class Playout:
    """Holds what the server sent until the card wants it, and knows what left the loudspeaker.

    States: *waiting* for the prefill, *flowing*. Running dry before `end_response` is an underrun: the
    prefill is collected anew. A response that finds no room is refused to its end: cut short, but without a hole.
    """

    def __init__(self, rate_hz: int, prefill_ms: int = DEFAULT_PREFILL_MS, *, bound_s: float = DEFAULT_BOUND_S) -> None:
        """`bound_s`: most sound that may wait."""
        self.rate_hz = rate_hz
        self.underruns = 0
        """Times that sound went on after the buffer had run dry in the middle of a response."""
        self.written = 0
        """Position behind the last frame pulled."""
        self._heard = 0
        self._prefill_frames = ms_to_frames(prefill_ms, rate_hz)
        self._bound_frames = round(bound_s * rate_hz)
        self._chunks: deque[tuple[_Item, Samples]] = deque()
        self._waiting_frames = 0
        self._items: deque[_Item] = deque()
        self._cut: list[_Item] = []
        self._spans: deque[_Span] = deque()
        self._flowing = False
        self._dry = False
        self._ended = True
        self._end_untold = False
        self._refusing = False
        self._cutting = False
        self._playing = False

    @property
    def playing(self) -> bool:
        """True from the first frame pulled until the last one was heard, or a flush."""
        return self._playing

    @property
    def waiting_frames(self) -> int:
        """Frames pushed and not pulled yet."""
        return self._waiting_frames

    @property
    def ended(self) -> bool:
        """True if no more of the response will come."""
        return self._ended

    @property
    def drain_due(self) -> bool:
        """True while `advance` has yet to tell that all was heard; what a cut took is for `settle` to tell."""
        return self._end_untold or (self._playing and not self._cutting)

    def push(self, item_id: str, samples: Samples, wire_frames: int) -> bool:
        """Append to `item_id`, at the sink's rate; False if nothing was taken.

        That is for lack of room, and from then on until `end_response` or `cut`.
        """
        self._refusing |= self._waiting_frames + samples.size > self._bound_frames
        if self._refusing:
            return False
        if self._dry:
            self.underruns += 1
        self._dry = False
        self._ended = False
        item = self._item(item_id)
        item.wire_frames += wire_frames
        item.frames += samples.size
        self._waiting_frames += samples.size
        if samples.size:
            self._chunks.append((item, samples))
        return True

    def end_response(self) -> None:
        """No more will come for now: play even less than the prefill. `advance` tells once when nothing is left."""
        self._ended = True
        self._end_untold = True
        self._refusing = False
        self._dry = False
        for item in self._items:
            item.complete = True
        self._forget_finished()

    def pull(self, frames: int) -> tuple[Samples, str]:
        """Exactly `frames` for the card, silence where nothing is due; the item that began after silence, or ""."""
        out = np.zeros(frames, np.int16)
        if not self._flowing and self._waiting_frames and (self._ended or self._waiting_frames >= self._prefill_frames):
            self._flowing = True
        filled = self._fill(out) if self._flowing else 0
        if self._flowing and not self._waiting_frames and (filled < frames or self._ended):
            self._flowing = False
            self._dry = not self._ended
        started = ""
        if filled and not self._playing:
            self._playing = True
            started = self._spans[0].item.item_id
        self.written += frames
        return out, started

    def advance(self, queued_frames: int) -> bool:
        """Tell what the card still holds; True if this ends the sound: all pulled was heard and none waits.

        That is told once each time the sound stops and, though nothing may have sounded since, once after
        `end_response`. Never between `cut` and `settle`.
        """
        self._hear(self.written - queued_frames)
        if self._spans or self._chunks or self._cutting or not self.drain_due:
            return False
        self._playing = False
        self._end_untold = False
        return True

    def cut(self) -> None:
        """Throw away what waits. `settle` reports it once the card is silent; pushes from now on are new sound."""
        self._cutting = True
        self._end_untold = False
        self._refusing = False
        self._cut.extend(self._items)
        self._items.clear()
        self._chunks.clear()
        self._waiting_frames = 0
        self._flowing = False
        self._dry = False
        self._ended = True

    @property
    def unheard_frames(self) -> int:
        """Frames up to the end of the last item frame that the card, by the last `advance`, still holds."""
        return self._spans[-1].start + self._spans[-1].frames - self._heard if self._spans else 0

    def drop(self, queued_frames: int) -> None:
        """The card was silenced with `queued_frames` in it: they will never be heard."""
        self.written -= queued_frames
        self._hear(self.written)
        self._heard = self.written
        for span in self._spans:
            if span.item not in self._cut:
                span.item.frames -= span.frames  # nobody waits for them: the item ends without
        self._spans.clear()
        self._forget_finished()

    def drop_unheard(self) -> None:
        """The card is gone, and with it what it had not played by the last `advance`."""
        self.drop(self.written - self._heard)

    def settle(self) -> tuple[ItemHeard, ...]:
        """End a cut: the items that were not heard to their end."""
        items = tuple(
            ItemHeard(item.item_id, *self._heard_ms(item))
            for item in self._cut
            if item.wire_frames and not (item.complete and item.heard_frames >= item.frames)
        )
        self._cut.clear()
        self._cutting = False
        self._playing = False
        return items

    def _item(self, item_id: str) -> _Item:
        if self._items and self._items[-1].item_id == item_id:
            return self._items[-1]
        for item in self._items:
            item.complete = True
        self._items.append(_Item(item_id))
        return self._items[-1]

    def _fill(self, out: Samples) -> int:
        filled = 0
        while filled < out.size and self._chunks:
            item, samples = self._chunks.popleft()
            taken = min(samples.size, out.size - filled)
            out[filled : filled + taken] = samples[:taken]
            self._spans.append(_Span(self.written + filled, taken, item))
            if taken < samples.size:
                self._chunks.appendleft((item, samples[taken:]))
            filled += taken
        self._waiting_frames -= filled
        return filled

    def _hear(self, position: int) -> None:
        """Everything before `position` has sounded."""
        position = max(self._heard, position)
        self._heard = position
        while self._spans and self._spans[0].start < position:
            span = self._spans[0]
            heard = min(span.frames, position - span.start)
            span.item.heard_frames += heard
            if heard == span.frames:
                self._spans.popleft()
            else:
                span.start, span.frames = position, span.frames - heard
        self._forget_finished()

    def _forget_finished(self) -> None:
        while self._items and self._items[0].complete and self._items[0].heard_frames >= self._items[0].frames:
            self._items.popleft()

    def _heard_ms(self, item: _Item) -> tuple[int, int]:
        received_ms = item.wire_frames * 1000 // WIRE_RATE_HZ
        return min(item.heard_frames * 1000 // self.rate_hz, received_ms), received_ms
