"""How fast the loudspeaker speaks, falls silent and goes on, and how true its account is: measured at the virtual card.

    python bench/playback.py [--trials 20]

The times are taken from a recording of what the card played, not from the daemon's own account. The voice is a
constant, soft at both ends, so the largest step between samples is the click of a flush, a pause or a resume.
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
from numpy.typing import NDArray

from speakerd.conversation.events import Event, PlayoutDrained, PlayoutFlushed
from speakerd.demo.recording import Recorder, Recording
from speakerd.demo.soundcard import VirtualSoundCard
from speakerd.pcm import WIRE_RATE_HZ, to_bytes
from speakerd.speaker.earcons import Earcons
from speakerd.speaker.playout import DEFAULT_PREFILL_MS

BUFFER_MS = 80
LOUD = 1000
LEVEL = 8000
PAUSED_REPLY_S = 1.6


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
            pauses = [bench.pause(chance) for _ in range(options.trials)]
            cpu = [bench.cpu("silence", 3.0), bench.cpu("resting", 3.0, after_s=10.0)]
        finally:
            bench.stop()
        recording = recorder.stop()
        print(f"{options.trials} trials; prefill {DEFAULT_PREFILL_MS} ms, card buffer {BUFFER_MS} ms, filled to "
              f"{20 * bench.playback.fill_periods} ms, xruns {bench.playback.xruns}")  # fmt: skip
        report(FLUSHES, [note.measure(recording) for note in notes])
        report(PAUSES, [note.measure(recording) for note in pauses])
        print("\n".join(cpu))


class Note:
    """What one trial claims, to be held against the recording."""

    def __init__(self, first_delta_s: float, flush_s: float, flushed_s: float, heard_ms: int) -> None:
        self.first_delta_s = first_delta_s
        self.flush_s = flush_s
        self.flushed_s = flushed_s
        self.heard_ms = heard_ms

    def measure(self, recording: Recording) -> tuple[float, ...]:
        """Delta to sound, flush to silence, flush to event, heard_ms too high by, all in ms; largest step, dBFS."""
        first = recording.index_at(self.first_delta_s)
        loud = np.flatnonzero(np.abs(recording.samples[first : recording.index_at(self.flush_s + 0.3)]) > LOUD) + first
        truly_heard_ms = (loud[-1] + 1 - loud[0]) * 1000 / recording.rate_hz
        return (
            (recording.time_of(loud[0]) - self.first_delta_s) * 1000,
            (recording.time_of(loud[-1]) - self.flush_s) * 1000,
            (self.flushed_s - self.flush_s) * 1000,
            self.heard_ms - truly_heard_ms,
            largest_step_dbfs(recording, self.first_delta_s, self.flush_s + 0.3),
        )


class PauseNote:
    """When a reply of a known length was paused, and went on."""

    def __init__(self, began_s: float, paused_s: float, resumed_s: float, ended_s: float) -> None:
        self.began_s, self.paused_s, self.resumed_s, self.ended_s = began_s, paused_s, resumed_s, ended_s

    def measure(self, recording: Recording) -> tuple[float, ...]:
        """Pause to silence, resume to sound, sound too long by, all in ms; largest step, dBFS."""
        resumed, end = recording.index_at(self.resumed_s), recording.index_at(self.ended_s + 0.2)
        begin = recording.index_at(self.began_s)
        loud = np.flatnonzero(np.abs(recording.samples[begin:end]) > LOUD) + begin
        before, after = loud[loud < resumed], loud[loud >= resumed]
        sounded = before[-1] + 1 - before[0] + after[-1] + 1 - after[0]
        return (
            (recording.time_of(before[-1]) - self.paused_s) * 1000,
            (recording.time_of(after[0]) - self.resumed_s) * 1000,
            sounded * 1000 / recording.rate_hz - np.count_nonzero(voice(PAUSED_REPLY_S) > LOUD) * 1000 / WIRE_RATE_HZ,
            largest_step_dbfs(recording, self.began_s, self.ended_s + 0.2),
        )


def voice(seconds: float) -> NDArray[np.int16]:
    """A constant at 24 kHz, soft at both ends."""
    at = np.arange(round(seconds * WIRE_RATE_HZ)) / WIRE_RATE_HZ
    soft = np.clip(np.minimum(at, seconds - at) / 0.01, 0.0, 1.0)
    samples: NDArray[np.int16] = (LEVEL * 0.5 * (1 - np.cos(np.pi * soft))).astype(np.int16)
    return samples


def largest_step_dbfs(recording: Recording, from_s: float, until_s: float) -> float:
    """The largest step from one sample to the next; a step to full scale would be 0."""
    steps = np.diff(recording.between(from_s, until_s).astype(int))
    return float(20 * np.log10(max(1, np.max(np.abs(steps))) / LEVEL))


class Bench:
    """A playback on the virtual card."""

    def __init__(self) -> None:
        from speakerd.hw.loudspeaker import AlsaSink  # ALSA reads its environment once: after the card is up
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
        pcm = to_bytes(voice(4.0))
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

    def pause(self, chance: random.Random) -> PauseNote:
        """Speak, pause somewhere, go on, and wait for the end."""
        began_s = time.monotonic()
        self.playback.enqueue("item", to_bytes(voice(PAUSED_REPLY_S)))
        self.playback.end_response()
        time.sleep(chance.uniform(0.3, 1.0))
        paused_s = time.monotonic()
        self.playback.pause()
        time.sleep(0.3 + chance.uniform(0, 0.02))
        resumed_s = time.monotonic()
        self.playback.resume()
        while not isinstance(self.events.get(timeout=3)[1], PlayoutDrained):
            pass
        ended_s = time.monotonic()
        time.sleep(0.3)
        return PauseNote(began_s, paused_s, resumed_s, ended_s)

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


FLUSHES = (
    ("first delta to sound, ms", f"<= {DEFAULT_PREFILL_MS + BUFFER_MS + 20}"),
    ("flush to silence, ms", "<= 60"),
    ("flush to PlayoutFlushed, ms", ""),
    ("heard_ms - heard, ms", "within 40"),
    ("largest step, dB of the level", "<= -40"),
)
PAUSES = (
    ("pause to silence, ms", "<= 60"),
    ("resume to sound, ms", "<= 60"),
    ("sound beyond the reply, ms", "the two fades, 20 at most"),
    ("largest step, dB of the level", "<= -40"),
)


def report(names: tuple[tuple[str, str], ...], rows: list[tuple[float, ...]]) -> None:
    """One line a figure: p50, p95, extremes, and what is wanted."""
    for (name, wanted), values in zip(names, zip(*rows, strict=True), strict=True):
        low, mid, high, top = np.percentile(values, (0, 50, 95, 100))
        print(f"{name:30} min {low:6.1f}  p50 {mid:6.1f}  p95 {high:6.1f}  max {top:6.1f}  {wanted}")


if __name__ == "__main__":
    main()
