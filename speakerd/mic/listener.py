"""The thread that drives the front-end: frames in, events and frames out to the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from speakerd.conversation.events import EchoMeasured
from speakerd.mic.frontend import FrontEnd, HeardEvent
from speakerd.pcm import FarFrame, NearFrame
from speakerd.threads import Worker

GET_TIMEOUT_S = 0.5
"""Frames that came are processed after this at the latest, though fewer than were asked for."""

HELD_FRAMES = 24
"""While nobody talks, frames go to the loop half a second at a time, or with what is heard in them."""


class Frames(Protocol):
    """Where near frames come from."""

    def get(self, timeout_s: float, count: int) -> list[NearFrame]:
        """The `count` oldest frames; fewer if time runs out first."""

    def close(self) -> None:
        """End the waiting: `get` returns at once from now on."""


class FarEnd(Protocol):
    """What the loudspeaker does, seen from another thread."""

    def far_frame(self, *, gap: bool) -> FarFrame:
        """The reference for the next near frame; `gap`: near sound was lost ahead of it."""


class Listener:
    """Owns the front-end; runs it in the thread "frontend", so that a slow model never costs an xrun."""

    def __init__(
        self,
        frames: Frames,
        front_end: FrontEnd,
        far_end: FarEnd,
        post_event: Callable[[HeardEvent | EchoMeasured], object],
        post_frames: Callable[[list[NearFrame]], object],
        in_conversation: Callable[[], bool],
        on_crash: Callable[[str, BaseException], None],
    ) -> None:
        """`post_event` and `post_frames` are called in the thread: a Mailbox's `post`.

        While not `in_conversation`, frames are taken four at a time, when the wake model's next step is due:
        nothing is heard later for it, and waiting costs less CPU (docs/figures.md). After a conversation
        an EchoMeasured is posted.
        """
        self._frames = frames
        self._front_end = front_end
        self._next = front_end
        """Takes the place of the front-end before the next frame, if it is another one. The loop alone writes it."""
        self._far_end = far_end
        self._post_event = post_event
        self._post_frames = post_frames
        self._in_conversation = in_conversation
        self._held: list[NearFrame] = []
        """Processed, and not posted yet."""
        self._worker = Worker("frontend", self._run, on_crash)

    @property
    def front_end(self) -> FrontEnd:
        """The one that hears."""
        return self._front_end

    def use(self, front_end: FrontEnd) -> None:
        """From the next frame on it is this one that hears. Thread-safe."""
        self._next = front_end

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self) -> None:
        """Ask the thread to end, now: it waits for no more frames."""
        self._worker.stop()
        self._frames.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False if it still runs."""
        return self._worker.join(timeout_s)

    def _run(self, worker: Worker) -> None:
        talked = False
        while not worker.stopping:
            self._change()
            talks = self._in_conversation()
            if talks != talked:
                figures = self._front_end.take_figures()
                if talked:  # else they are of the time before
                    self._post_event(figures)
            talked = talks
            if frames := self._frames.get(GET_TIMEOUT_S, 1 if talks else self._front_end.frames_to_step):
                self._take(frames)

    def _change(self) -> None:
        new = self._next
        if new is not self._front_end:
            new.succeed(self._front_end)
            self._front_end = new

    def _take(self, frames: list[NearFrame]) -> None:
        events: list[HeardEvent] = []
        for frame in frames:
            cleaned, heard = self._front_end.process(frame, self._far_end.far_frame(gap=frame.gap))
            self._held.append(cleaned)
            events += heard
        if events or len(self._held) >= HELD_FRAMES or self._in_conversation():
            held, self._held = self._held, []
            self._post_frames(held)  # before the events: what they order concerns these frames too
        for event in events:
            self._post_event(event)
