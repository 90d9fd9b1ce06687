"""How fast the loudspeaker speaks and falls silent, and how true its account is: measured at the virtual card.

    python bench/playback.py [--trials 20]

The times are taken from a recording of what the card played, not from the daemon's own account.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from speakerd.conversation.events import Event, PlayoutDrained, PlayoutFlushed
from speakerd.demo.recording import Recorder, Recording
from speakerd.demo.soundcard import VirtualSoundCard
from speakerd.pcm import WIRE_RATE_HZ, to_bytes
from speakerd.speaker.earcons import Earcons
from speakerd.speaker.playout import DEFAULT_PREFILL_MS

BUFFER_MS = 80
LOUD = 1000


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--trials", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder, VirtualSoundCard(Path(folder)) as card:
        os.environ.update(card.env)
        recorder = Recorder(card, "speaker")
        recorder.start()
        bench = Bench()
        try:
            notes = [bench.trial(chance) for _ in range(options.trials)]
            cpu = [bench.cpu("silence", 3.0), bench.cpu("resting", 3.0, after_s=10.0)]
        finally:
            bench.stop()
        report([note.measure(recorder.so_far()) for note in notes])
        recorder.stop()
        print("\n".join(cpu))


class Note:
    """What one trial claims, to be held against the recording."""

    def __init__(self, first_delta_s: float, flush_s: float, flushed_s: float, heard_ms: int) -> None:
        self.first_delta_s = first_delta_s
        self.flush_s = flush_s
        self.flushed_s = flushed_s
        self.heard_ms = heard_ms

    def measure(self, recording: Recording) -> tuple[float, float, float, float]:
        """Delta to sound, flush to silence, flush to event, heard_ms too high by; all in ms."""
        first = recording.index_at(self.first_delta_s)
        loud = np.flatnonzero(np.abs(recording.samples[first : recording.index_at(self.flush_s + 0.3)]) > LOUD) + first
        truly_heard_ms = (loud[-1] + 1 - loud[0]) * 1000 / recording.rate_hz
        return (
            (recording.time_of(loud[0]) - self.first_delta_s) * 1000,
            (recording.time_of(loud[-1]) - self.flush_s) * 1000,
            (self.flushed_s - self.flush_s) * 1000,
            self.heard_ms - truly_heard_ms,
        )


class Bench:
    """A playback on the virtual card."""

    def __init__(self) -> None:
        from speakerd.hw.alsa import AlsaSink  # ALSA reads its environment once: after the card is up
        from speakerd.speaker.playback import Playback

        self.events: queue.Queue[tuple[float, Event]] = queue.Queue()
        self.playback = Playback(
            lambda: AlsaSink("speakerd_speaker", 48_000, BUFFER_MS),
            Earcons(-20.0),
            lambda event: self.events.put((time.monotonic(), event)),
            lambda trouble: print(f"card: {trouble}") if trouble else None,
            lambda name, error: print(f"{name} died: {error!r}"),
        )
        self.playback.start()
        time.sleep(0.5)

    def trial(self, chance: random.Random) -> Note:
        """Speak in deltas at twice real time, interrupt somewhere, wait for silence."""
        noise = np.random.default_rng(1).integers(-1000, 1000, 4 * WIRE_RATE_HZ)
        pcm = to_bytes((8000 + noise).astype(np.int16))  # never zero: silence is not mistaken for sound
        delta_bytes = WIRE_RATE_HZ // 10 * 2
        first_s = time.monotonic()
        stop_s = first_s + chance.uniform(0.3, 1.5)
        for start in range(0, len(pcm), delta_bytes):
            if time.monotonic() >= stop_s:
                break
            self.playback.enqueue("item", pcm[start : start + delta_bytes])
            time.sleep(max(0.0, min(0.05, stop_s - time.monotonic())))
        time.sleep(max(0.0, stop_s - time.monotonic()))
        while not self.events.empty():
            self.events.get()
        flush_s = time.monotonic()
        self.playback.flush()
        flushed_s, event = self.events.get(timeout=2)
        while isinstance(event, PlayoutDrained):
            flushed_s, event = self.events.get(timeout=2)
        assert isinstance(event, PlayoutFlushed)
        time.sleep(0.4 + chance.uniform(0, 0.02))
        return Note(first_s, flush_s, flushed_s, event.items[0].heard_ms)

    def cpu(self, what: str, seconds: float, after_s: float = 0.0) -> str:
        """CPU of this process while nothing sounds (the recorder's thread is part of it)."""
        time.sleep(after_s)
        before = resource.getrusage(resource.RUSAGE_SELF)
        time.sleep(seconds)
        after = resource.getrusage(resource.RUSAGE_SELF)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return f"CPU, {what}: {100 * used / seconds:.2f} % of a core; xruns {self.playback.xruns}"

    def stop(self) -> None:
        """End the thread."""
        self.playback.stop()
        self.playback.join(2)


def report(rows: list[tuple[float, float, float, float]]) -> None:
    """One line a figure: p50, p95, extremes."""
    bounds = (f"<= {DEFAULT_PREFILL_MS + BUFFER_MS + 20}", "<= 60", "", "within 40")
    names = ("first delta to sound, ms", "flush to silence, ms", "flush to PlayoutFlushed, ms", "heard_ms - heard, ms")
    print(f"{len(rows)} trials; prefill {DEFAULT_PREFILL_MS} ms, card buffer {BUFFER_MS} ms")
    for name, bound, values in zip(names, bounds, zip(*rows, strict=True), strict=True):
        low, mid, high, top = np.percentile(values, (0, 50, 95, 100))
        print(f"{name:30} min {low:6.1f}  p50 {mid:6.1f}  p95 {high:6.1f}  max {top:6.1f}  {bound}")


if __name__ == "__main__":
    main()
