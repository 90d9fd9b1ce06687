"""The microphone's thread: read a period, cut it into near frames, hand them on. Nothing else."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from speakerd.errors import DeadMicrophoneError, DeviceError
from speakerd.hw.device import PcmSource
from speakerd.mic.deadair import DeadAir
from speakerd.mic.pace import Pace
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, NearFrame, Samples
from speakerd.threads import Worker

QUEUE_FRAMES = 25
"""Half a second: longer and what is heard would be stale."""

LULL_MARGIN_S = 0.005
"""A sleep ends so much before the sound is due that it was for, so as not to be late with it."""

LEAST_KEPT_MS = 160
"""A card that keeps less is not slept on: it must bear a reader that is late for 80 ms of sound."""

STEADY_FRAMES = 100
"""2 s: a microphone that fails sooner is waited for longer and longer."""

_FIRST_RETRY_S = 0.25
_LAST_RETRY_S = 5.0


class FrameQueue:
    """Near frames between two threads. Thread-safe. Full: the oldest goes, counted, and its place shows as a gap."""

    def __init__(self, bound: int = QUEUE_FRAMES) -> None:
        self.dropped = 0
        """Frames that nobody fetched in time."""
        self._bound = bound
        self._frames: deque[NearFrame] = deque()
        lock = threading.Lock()
        self._filled, self._hurry = threading.Condition(lock), threading.Condition(lock)
        self._wanted = 1
        """Frames that the reader waits for: until then it is not woken."""
        self._closed = False

    def put(self, frame: NearFrame) -> None:
        """Append; never waits."""
        with self._filled:
            self._frames.append(frame)
            if len(self._frames) > self._bound:
                self._frames.popleft()
                self._frames[0] = replace(self._frames[0], gap=True)
                self.dropped += 1
            if len(self._frames) >= self._wanted:
                self._filled.notify()

    def get(self, timeout_s: float, count: int = 1) -> list[NearFrame]:
        """The `count` oldest frames together, so that their reader wakes up once; fewer if time runs out first."""
        with self._filled:
            if count < self._wanted:
                self._hurry.notify()
            self._wanted = count
            self._filled.wait_for(lambda: self._closed or len(self._frames) >= count, timeout_s)
            return [self._frames.popleft() for _ in range(min(count, len(self._frames)))]

    def lull(self, end_s: Callable[[int], float]) -> int:
        """For the writer: the frames that its reader still waits for, after a sleep while it needs none of them.

        The sleep ends at `end_s` of their number, CLOCK_MONOTONIC, or with 1 when the reader is content with fewer.
        """
        with self._filled:
            missing = self._wanted - len(self._frames) % self._wanted
            sleep_s = end_s(missing) - time.monotonic()
            if missing == 1 or sleep_s <= 0 or self._closed:
                return missing
            return 1 if self._hurry.wait(sleep_s) else missing

    def close(self) -> None:
        """Nobody needs to wait any longer: `get` returns at once with what is there."""
        with self._filled:
            self._closed = True
            self._filled.notify()
            self._hurry.notify()


class Chunker:
    """Any blocks in, frames of 320 samples out, numbered. Pure."""

    def __init__(self) -> None:
        self.frames = 0
        """Frames made: the index of the next one."""
        self._rest: Samples = np.zeros(0, np.int16)
        self._gap = False

    def lacking(self, frames: int) -> int:
        """Samples still to come until so many frames can be made."""
        return frames * NEAR_PERIOD_FRAMES - self._rest.size

    def feed(self, samples: Samples, at_s: float, *, gap: bool) -> list[NearFrame]:
        """Take a block whose last sample came at `at_s`; `gap`: sound was lost ahead of it."""
        self._gap |= gap
        sound = np.concatenate([self._rest, samples]) if self._rest.size else samples
        whole = sound.size - sound.size % NEAR_PERIOD_FRAMES
        made = [
            self._frame(sound[end - NEAR_PERIOD_FRAMES : end], at_s - (sound.size - end) / NEAR_RATE_HZ)
            for end in range(NEAR_PERIOD_FRAMES, whole + 1, NEAR_PERIOD_FRAMES)
        ]
        self._rest = sound[whole:]
        return made

    def interrupt(self) -> None:
        """The source is gone: forget the unfinished frame; the next one follows a gap."""
        self._rest = self._rest[:0]
        self._gap = self.frames > 0

    def _frame(self, samples: Samples, at_s: float) -> NearFrame:
        frame = NearFrame(samples, self.frames, at_s, self._gap)
        self.frames += 1
        self._gap = False
        return frame


class Capture:
    """Owns the microphone, in the thread `capture`. Opens it anew, with back-off, whenever it fails."""

    def __init__(
        self,
        open_source: Callable[[], PcmSource],
        deliver: FrameQueue,
        on_state: Callable[[DeviceError | None], None],
        on_crash: Callable[[str, BaseException], None],
        device: str = "the microphone",
    ) -> None:
        """`open_source` may raise DeviceError; `on_state` hears it, and None when sound comes; `device` is its name.

        Both are called in the capture thread, `on_crash(name, error)` in the dying one.
        """
        self.xruns = 0
        """Times the card overran: sound was lost."""
        self._open_source = open_source
        self._device = device
        self._deliver = deliver
        self._on_state = on_state
        self._chunker = Chunker()
        self._dead_air = DeadAir()
        self._worker = Worker("capture", self._run, on_crash)

    @property
    def frames(self) -> int:
        """Near frames captured. Thread-safe."""
        return self._chunker.frames

    @property
    def dropped(self) -> int:
        """Frames that the front-end did not fetch in time. Thread-safe."""
        return self._deliver.dropped

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._worker.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False if the card hangs."""
        return self._worker.join(timeout_s)

    def _run(self, worker: Worker) -> None:
        retry_s = _FIRST_RETRY_S
        while not worker.stopping:
            frames = self.frames
            source: PcmSource | None = None
            try:
                source = self._open_source()
                self._listen(worker, source)
            except DeviceError as error:
                self._on_state(error)
                self._chunker.interrupt()
                retry_s = _FIRST_RETRY_S if self.frames >= frames + STEADY_FRAMES else retry_s
                worker.pause(retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)
            finally:
                if source is not None:  # after it was told, for a card that hangs may hang here, too
                    source.close()

    def _listen(self, worker: Worker, source: PcmSource) -> None:
        """Read until stopped. Raises DeviceError."""
        announced = False
        pace, may_sleep = Pace(), source.kept_ms >= LEAST_KEPT_MS

        def sleep_until(frames: int) -> float:
            return pace.due_s(self._chunker.lacking(frames)) - LULL_MARGIN_S

        while not worker.stopping:
            frames = self._deliver.lull(sleep_until) if may_sleep else 1
            asked_s = time.monotonic()
            block = source.read(self._chunker.lacking(frames))
            now_s = time.monotonic()
            pace.fetched(block.samples.size, asked_s, now_s)
            self.xruns += block.xruns
            if self._dead_air.feed(block.samples):
                raise DeadMicrophoneError(
                    self._device,
                    "gives no sound at all, not even noise",
                    hint="is it muted, by a switch on it or in `alsamixer`? is audio.capture_channel right?",
                )
            for frame in self._chunker.feed(block.samples, now_s, gap=block.xruns > 0):
                self._deliver.put(frame)
            if not announced and not self._dead_air.dead:
                self._on_state(None)
                announced = True
