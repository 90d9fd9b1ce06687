"""A sound card without a sound system: the microphone is a pipe, the loudspeaker a file, all else is the daemon.

Cheap and exact, so that many daemons run side by side. As a program it is `speakerd` on such a card:
`python pretend_card.py run --config …`, with PRETEND_CARD in the environment.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from speakerd import parts
from speakerd.cli import main
from speakerd.errors import DeviceError
from speakerd.hw.device import SourceBlock
from speakerd.hw.silent import SilentSink
from speakerd.pcm import NEAR_RATE_HZ, PERIOD_MS, Samples, from_bytes, to_bytes

SPEAKER_HZ = 24_000
"""Rate of the loudspeaker, and so of all that was heard."""
PIPE_BYTES = 1 << 20
_NAME = "PRETEND_CARD"
_RECORD = struct.Struct("<di")
"""CLOCK_MONOTONIC seconds at which the last of so many samples had sounded; the samples follow."""


class PipeSource:
    """PcmSource: what somebody wrote into the pipe, else silence, at a card's pace."""

    kept_ms = 280

    def __init__(self, folder: Path) -> None:
        self._pipe = os.open(folder / "mic", os.O_RDWR | os.O_NONBLOCK)
        self._due_s = time.monotonic()
        self._closed = False

    def read(self, least_frames: int = 1) -> SourceBlock:
        """As much, or 20 ms."""
        if self._closed:
            raise DeviceError("the pipe", "is closed")
        samples = np.zeros(max(least_frames, NEAR_RATE_HZ * PERIOD_MS // 1000), np.int16)
        self._due_s += samples.size / NEAR_RATE_HZ
        if (early_s := self._due_s - time.monotonic()) > 0:
            time.sleep(early_s)
        elif early_s < -0.5:
            self._due_s -= early_s
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._pipe, 2 * samples.size)
            samples[: len(data) // 2] = from_bytes(data)
        return SourceBlock(samples)

    def close(self) -> None:
        """Close the pipe."""
        if not self._closed:
            os.close(self._pipe)
            self._closed = True


class TapSink(SilentSink):
    """PcmSink that keeps what sounded, silence left out."""

    def __init__(self, folder: Path, buffer_ms: int) -> None:
        super().__init__(SPEAKER_HZ, buffer_ms)
        self._file = (folder / "speaker").open("ab", buffering=0)
        self._queued: Samples = np.zeros(0, np.int16)

    def write(self, samples: Samples) -> int:
        """Queue `samples`; those that sounded meanwhile go to the file."""
        xruns = super().write(samples)
        self._queued = np.concatenate([self._queued, samples])
        self._keep_sounded()
        return xruns

    def drop(self) -> int:
        """Forget what is queued."""
        self._keep_sounded()
        self._queued = self._queued[:0]
        return super().drop()

    def close(self) -> None:
        """Silence, and close the file."""
        if not self._file.closed:
            self.drop()
            self._file.close()

    def _keep_sounded(self) -> None:
        count = max(0, self._queued.size - self.queued_frames())
        sounded, self._queued = self._queued[:count], self._queued[count:]
        if np.any(sounded):
            self._file.write(_RECORD.pack(time.monotonic(), count) + to_bytes(sounded))


class PretendCard:
    """The room's side of it: speak and listen. `folder` must be empty."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        os.mkfifo(folder / "mic")
        self._pipe = os.open(folder / "mic", os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._speaker = folder / "speaker"
        self.program = (__file__,)
        """What the `Daemon` is to run."""
        self.env = {_NAME: str(folder), "SPEAKERD_AUDIO__PLAYBACK_RATE_HZ": str(SPEAKER_HZ)}

    def close(self) -> None:
        """End it. May be called twice."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def say(self, samples: Samples) -> None:
        """Speak int16 mono 16 kHz into the microphone; returns at once, with what was said before ahead of it."""
        os.write(self._pipe, to_bytes(samples))

    def heard(self, from_s: float, until_s: float) -> Samples:
        """What sounded between two times (CLOCK_MONOTONIC): int16 mono at `SPEAKER_HZ`."""
        sound = np.zeros(max(0, round((until_s - from_s) * SPEAKER_HZ)), np.int16)
        for end_s, piece in self._records():
            first = round((end_s - from_s) * SPEAKER_HZ) - piece.size
            start, end = max(0, first), min(sound.size, first + piece.size)
            if start < end:
                sound[start:end] = piece[start - first : end - first]
        return sound

    def forget(self) -> None:
        """Throw away what was heard."""
        if self._speaker.exists():
            os.truncate(self._speaker, 0)

    def _records(self) -> Iterator[tuple[float, Samples]]:
        if not self._speaker.exists():
            return
        data, at = self._speaker.read_bytes(), 0
        while at + _RECORD.size <= len(data):
            end_s, count = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            if at + 2 * count > len(data):
                return
            yield end_s, from_bytes(data[at : at + 2 * count])
            at += 2 * count


def _run() -> None:
    folder = Path(os.environ[_NAME])
    parts.AlsaSource = lambda *_: PipeSource(folder)  # type: ignore[assignment,misc]
    parts.AlsaSink = lambda _device, _rate_hz, buffer_ms: TapSink(folder, buffer_ms)  # type: ignore[assignment,misc]
    main()


if __name__ == "__main__":
    _run()
