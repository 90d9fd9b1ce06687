"""The jitter buffer: what the server sent, until the card wants it. Pure."""

from __future__ import annotations

from collections import deque

import numpy as np

from speakerd.conversation.events import ItemHeard
from speakerd.pcm import Samples, ms_to_frames
from speakerd.speaker.account import Account, Item
from speakerd.speaker.ramp import fade_frames, faded

DEFAULT_PREFILL_MS = 100
"""The service sends faster than real time, so this only has to bridge the first deltas (60 underran at times)."""

DEFAULT_BOUND_S = 210.0
"""Most sound that may wait: the longest reply the conversation allows by default, and half a minute."""


class Playout:
    """Holds what the server sent until the card wants it, and knows what left the loudspeaker.

    States: *waiting* for the prefill, *flowing*. Running dry before `end_response` is an underrun: the
    prefill is collected anew. A response that finds no room is refused to its end: cut short, but without a hole.

    A pause or a cut amid sound fades it out. What fades is a copy: it counts as unheard, and after a pause it comes
    again, faded in, so the ear gets every sample once at its full level.
    """

    def __init__(self, rate_hz: int, prefill_ms: int = DEFAULT_PREFILL_MS, *, bound_s: float = DEFAULT_BOUND_S) -> None:
        """`bound_s`: most sound that may wait."""
        self.rate_hz = rate_hz
        self.underruns = 0
        """Times that sound went on after the buffer had run dry in the middle of a response."""
        self._account = Account(rate_hz)
        self._prefill_frames = ms_to_frames(prefill_ms, rate_hz)
        self.bound_frames = round(bound_s * rate_hz)
        """Most frames that may wait; may be changed."""
        self._chunks: deque[tuple[Item, Samples]] = deque()
        self._waiting_frames = 0
        self._flowing = False
        self._dry = False
        self._ended = True
        self._end_untold = False
        self._refusing = False
        self._cutting = False
        self._playing = False
        self.paused = False
        """Pull silence, and keep what waits. A cut ends it."""
        self.rises = self.falls = False
        """True if the last pull began with a fade to full level, or to silence."""
        self._fade_frames = fade_frames(rate_hz)
        self._sounding = False
        """The last pull ended amid sound."""
        self._rise_due = False
        """Sound goes on where it was faded out, or lost."""
        self._last: Samples = np.zeros(self._fade_frames, np.int16)
        """The newest that was pulled."""
        self.silent_at = 0
        """Position behind the newest fade to silence."""
        self._tail: Samples = np.zeros(0, np.int16)
        """What fades out for a cut."""

    @property
    def written(self) -> int:
        """Position behind the last frame pulled, see `account`."""
        return self._account.written

    @property
    def playing(self) -> bool:
        """True from the first frame pulled until the last one was heard, or a flush; False once a pause is silent."""
        return self._playing and (self._account.in_card or not self.paused)

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
        self._refusing |= self._waiting_frames + samples.size > self.bound_frames
        if self._refusing:
            return False
        if self._dry:
            self.underruns += 1
        self._dry = False
        self._ended = False
        item = self._account.receive(item_id, samples.size, wire_frames)
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
        self._account.complete()

    def pull(self, frames: int) -> tuple[Samples, str]:
        """Exactly `frames` for the card, silence where nothing is due; the item that began after silence, or ""."""
        out = np.zeros(frames, np.int16)
        self.rises = self.falls = False
        if self.paused or self._cutting:
            self._fall_silent(out)
            filled = 0
        else:
            filled = self._flow(out)
        self._sounding = self._flowing and filled == frames
        self._last = out[-self._fade_frames :]
        started = ""
        if filled and not self._playing:
            self._playing = True
            started = self._account.first_in_card
        self._account.written += frames
        return out, started

    def _flow(self, out: Samples) -> int:
        if not self._flowing and self._waiting_frames and (self._ended or self._waiting_frames >= self._prefill_frames):
            self._flowing = True
        filled = self._fill(out) if self._flowing else 0
        if filled and self._rise_due:
            fade = out[: self._fade_frames]
            fade[:] = faded(fade, 0.0, 1.0)
            self.rises = True
        self._rise_due = False
        if self._flowing and not self._waiting_frames and (filled < out.size or self._ended):
            self._flowing = False
            self._dry = not self._ended
        return filled

    def _fall_silent(self, out: Samples) -> None:
        if not self._sounding:
            return
        tail = self._tail if self._cutting else self._next_to_sound()
        out[: tail.size] = faded(tail, 1.0, 0.0)
        self.falls = True
        self.silent_at = self.written + tail.size
        self._rise_due = not self._cutting

    def _next_to_sound(self) -> Samples:
        """A copy of what would sound next; where it has not come yet, the sound turns back upon itself."""
        frames = self._fade_frames
        parts = [self._last]
        for _, samples in self._chunks:
            if sum(part.size for part in parts) >= 2 * frames:
                break
            parts.append(samples[:frames])
        known = np.concatenate(parts)
        return np.concatenate([known[frames:], known[::-1]])[:frames]

    def advance(self, queued_frames: int) -> bool:
        """Tell what the card still holds; True if this ends the sound: all pulled was heard and none waits.

        That is told once each time the sound stops and, though nothing may have sounded since, once after
        `end_response`. Never between `cut` and `settle`.
        """
        self._account.hear(self.written - queued_frames)
        if self._account.in_card or self._chunks or self._cutting or not self.drain_due:
            return False
        self._playing = False
        self._end_untold = False
        return True

    def cut(self) -> None:
        """Throw away what waits, and end a pause. Pulls bring a fade at most until `settle` has reported it.

        Pushes from now on are new sound, which begins after that.
        """
        if not self._cutting and self._sounding:
            self._tail = self._next_to_sound()
        self._cutting = True
        self.paused = False
        self._rise_due = False
        self._end_untold = False
        self._refusing = False
        self._account.cut()
        self._chunks.clear()
        self._waiting_frames = 0
        self._flowing = False
        self._dry = False
        self._ended = True

    @property
    def frames_to_silence(self) -> int:
        """Frames after a cut, from what the card had played by the last `advance`, to the end of the fade."""
        end = self.written + self._fade_frames if self._sounding else min(self.silent_at, self.written)
        return max(0, end - self._account.heard, self._account.end_in_card - self._account.heard)

    def drop(self, queued_frames: int) -> None:
        """The card was silenced with `queued_frames` in it: they will never be heard."""
        self._account.drop(queued_frames)
        self._sounding = False
        self._rise_due = self._flowing

    def drop_unheard(self) -> None:
        """The card is gone, and with it what it had not played by the last `advance`."""
        self.drop(self.written - self._account.heard)

    def settle(self) -> tuple[ItemHeard, ...]:
        """End a cut: the items that were not heard to their end."""
        self._cutting = False
        self._playing = False
        return self._account.settle()

    def _fill(self, out: Samples) -> int:
        filled = 0
        while filled < out.size and self._chunks:
            item, samples = self._chunks.popleft()
            taken = min(samples.size, out.size - filled)
            out[filled : filled + taken] = samples[:taken]
            self._account.write(item, self.written + filled, taken)
            if taken < samples.size:
                self._chunks.appendleft((item, samples[taken:]))
            filled += taken
        self._waiting_frames -= filled
        return filled
