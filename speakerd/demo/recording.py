"""Hearing and speaking on the room's side of the virtual sound card, with exact times."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerd.demo.soundcard import CARD_RATE_HZ, Side, VirtualSoundCard, monitor_of
from speakerd.errors import SpeakerdError
from speakerd.pcm import Samples, from_bytes, to_bytes
from speakerd.threads import Worker

_SETTLED_FRAMES = CARD_RATE_HZ // 5
"""The first 200 ms arrive in a burst and tell nothing about the time."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Sound with its place in time: sample n was heard at `t0_s + n / rate_hz`, CLOCK_MONOTONIC."""

    samples: Samples
    t0_s: float
    rate_hz: int = CARD_RATE_HZ

    def index_at(self, time_s: float) -> int:
        """The sample heard at `time_s`, clipped to what was recorded."""
        return min(max(round((time_s - self.t0_s) * self.rate_hz), 0), self.samples.size)

    def time_of(self, index: int) -> float:
        """When sample `index` was heard."""
        return self.t0_s + index / self.rate_hz

    def between(self, from_s: float, until_s: float) -> Samples:
        """The samples heard in a stretch of time."""
        return self.samples[self.index_at(from_s) : self.index_at(until_s)]

    def find(self, clip: Samples) -> tuple[float, float]:
        """When `clip` (same rate) begins best, and how well it fits: 1 is the clip itself at any volume."""
        sound = self.samples.astype(np.float64)
        size = 1 << (sound.size + clip.size).bit_length()
        spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(clip.astype(np.float64), size))
        match: NDArray[np.float64] = np.fft.irfft(spectrum, size)[: max(1, sound.size - clip.size + 1)]
        index = int(np.argmax(match))
        here = sound[index : index + clip.size]
        norm = float(np.sqrt(np.sum(here**2) * np.sum(clip.astype(np.float64) ** 2)))
        return self.time_of(index), float(match[index]) / norm if norm else 0.0


class Recorder:
    """Records one side of the card from `start` to `stop`. Used once."""

    def __init__(self, card: VirtualSoundCard, side: Side) -> None:
        self._card = card
        self._side = side
        self._lock = threading.Lock()
        self._parts: list[tuple[float, bytes]] = []
        self._first = threading.Event()
        self._errors: list[BaseException] = []
        self._worker = Worker(f"record-{side}", self._run, lambda _, error: self._errors.append(error))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until sound arrives."""
        self._process = self._card.spawn(
            "parec", "--raw", "--latency-msec=10", "--format=s16le", f"--rate={CARD_RATE_HZ}", "--channels=1",
            "-d", monitor_of(self._side), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._worker.start()
        if not self._first.wait(5):
            self.stop()
            raise SpeakerdError(f"cannot record the {self._side} of the virtual sound card")

    def stop(self) -> Recording:
        """End and give all that was recorded."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._worker.join(5)
            if self._process.stdout is not None:
                self._process.stdout.close()
        return self.so_far()

    def so_far(self) -> Recording:
        """What was recorded until now, in the middle of it."""
        with self._lock:
            parts = list(self._parts)
        samples = from_bytes(b"".join(data for _, data in parts))
        starts, frames = [], 0
        for arrived_s, data in parts:
            frames += len(data) // 2
            # No sample arrives before it was heard: the earliest arrivals are the truest.
            starts.append((frames, arrived_s - frames / CARD_RATE_HZ))
        settled = [start_s for frames, start_s in starts if frames > _SETTLED_FRAMES]
        return Recording(samples, min(settled or [start_s for _, start_s in starts], default=0.0))

    def _run(self, _worker: Worker) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout
        while data := pipe.read1(65536):  # type: ignore[attr-defined]
            with self._lock:
                self._parts.append((time.monotonic(), data))
            self._first.set()


class Speech:
    """Sound on its way into the virtual microphone."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._process = process
        self._seconds = seconds

    @property
    def lasts(self) -> bool:
        """False once it was played, or failed."""
        return self._process.poll() is None

    def wait(self) -> None:
        """Until it was played to its end. Raises SpeakerdError if that failed."""
        if self._process.wait(self._seconds + 10) != 0:
            raise SpeakerdError("cannot speak into the virtual microphone")

    def stop(self) -> None:
        """Break off."""
        self._process.terminate()
        self._process.wait()


def speak(card: VirtualSoundCard, samples: Samples, rate_hz: int) -> Speech:
    """Play `samples` into the microphone, in real time; returns at once. Where it began, `Recording.find` tells."""
    spool = card.folder / f"speech-{time.monotonic_ns()}.raw"
    spool.write_bytes(to_bytes(samples))
    with spool.open("rb") as file:
        process = card.spawn(
            "pacat", "--playback", "--raw", "--latency-msec=200", "--format=s16le", f"--rate={rate_hz}",
            "--channels=1", "-d", "speakerd_mic_in", stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    spool.unlink()
    return Speech(process, samples.size / rate_hz)
