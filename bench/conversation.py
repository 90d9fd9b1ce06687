"""Conversations on the virtual sound card with real recordings, measured at the card and at the server.

    python bench/conversation.py [--trials 50] [--server-delay-ms 150]

Each trial: a wake word and a command in one breath; an answer; a command spoken over it; silence. The
daemon is only asked *when* it decided (its events file); all else is read off the recording of the
loudspeaker and off what the server received. What came through of the words of an interruption is
`talkover`'s to tell. Prints a markdown table. Uses ../shared/audio where it is, else flite's voices.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.scripted_server import Heard, ScriptedServer, sound_at  # noqa: E402

from speakerd.cli.recording import read_blocks  # noqa: E402
from speakerd.demo.daemon import Daemon  # noqa: E402
from speakerd.demo.play import say  # noqa: E402
from speakerd.demo.recording import Recorder, Recording, speak  # noqa: E402
from speakerd.demo.soundcard import VirtualSoundCard  # noqa: E402
from speakerd.speaker.playout import DEFAULT_PREFILL_MS  # noqa: E402

AUDIO = ROOT.parent / "shared" / "audio"
SEGMENT = 2_400  # 100 ms at the wire's rate
CONFIG = """\
wake: {{words: [{{model: alexa}}, {{model: hey_mycroft}}, {{model: hey_jarvis}}]}}
realtime: {{url: "{url}"}}
conversation: {{silence_timeout_s: 2.0}}
"""
CARD_MS = 80
ANSWER_S = 15.0


def read_16k(path: Path) -> np.ndarray:
    return np.concatenate(list(read_blocks(path)))


def trimmed(samples: np.ndarray) -> np.ndarray:
    """From the first to the last sound."""
    level = np.convolve(np.abs(samples.astype(float)), np.ones(160) / 160, "same")
    loud = np.flatnonzero(level > 0.05 * level.max())
    return samples[loud[0] : loud[-1] + 1]


def voices() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Wake words and commands, trimmed, int16 mono 16 kHz."""
    if AUDIO.is_dir():
        wake = [
            *sorted((AUDIO / "wake/alexa").glob("*.wav"))[::13],
            *sorted((AUDIO / "wake/hey_mycroft").glob("*.wav")),
        ]
        commands = sorted((AUDIO / "commands").glob("*.wav"))[::2]
        return [trimmed(read_16k(p)) for p in wake], [trimmed(read_16k(p)) for p in commands]
    lines = ("What time is it in Berlin?", "Turn on the office lights.", "Tell me about the weather tomorrow.")
    return [trimmed(say("Hey Jarvis")[0])], [trimmed(say(line)[0]) for line in lines]


UNTOUCHED = 0.9
"""Correlation of a tenth of a second with its clip: nothing was to change it."""


def lost_ms(clip_16k: np.ndarray, received: np.ndarray) -> float:
    """How much of the clip's sound is not in `received` (24 kHz), or not at its place relative to the rest."""
    clip = low_band(soxr.resample(clip_16k.astype(float), 16_000, 24_000))
    if received.size < clip.size // 2:
        return clip.size / 24.0
    received = low_band(received.astype(float))
    lag = best_lag(clip, received)
    padded = np.concatenate([np.zeros(clip.size), received, np.zeros(clip.size)])
    lost = 0
    quiet = 0.02 * np.sqrt(np.mean(clip**2))
    for start in range(0, clip.size - SEGMENT + 1, SEGMENT // 2):
        piece = clip[start : start + SEGMENT]
        if np.sqrt(np.mean(piece**2)) < 10 * quiet:
            continue
        at = clip.size + lag + start
        around = padded[max(0, at - 24) : at + SEGMENT + 24]  # its place, within 1 ms
        fits = [
            np.dot(piece, window) / (np.linalg.norm(piece) * np.linalg.norm(window) + 1e-9)
            for window in np.lib.stride_tricks.sliding_window_view(around, SEGMENT)
        ]
        lost += (max(fits, default=0.0) < UNTOUCHED) * SEGMENT // 2
    return lost / 24.0


def low_band(sound: np.ndarray) -> np.ndarray:
    """Below 3.4 kHz: above it, the virtual card's own cheap resampler changes more than we could."""
    spectrum = np.fft.rfft(sound)
    spectrum[np.fft.rfftfreq(sound.size, 1 / 24_000) > 3_400] = 0
    return np.fft.irfft(spectrum, sound.size)


def best_lag(clip: np.ndarray, sound: np.ndarray) -> int:
    size = 1 << (clip.size + sound.size).bit_length()
    match = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(clip, size)), size)
    lag = int(np.argmax(match))
    return lag - size if lag > sound.size else lag


@dataclass
class Figures:
    """One list a figure."""

    heard: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    """What was said at once with the wake word (16 kHz), and what the server received (24 kHz)."""
    interruptions: int = 0
    first_sound: list[float] = field(default_factory=list)
    decision: list[float] = field(default_factory=list)
    silence: list[float] = field(default_factory=list)
    truncation: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    errors: int = 0
    early_bytes: int = 0


class Trial:
    """One conversation."""

    def __init__(
        self, card: VirtualSoundCard, server: ScriptedServer, daemon: Daemon, recorder: Recorder, figures: Figures
    ) -> None:
        self.card, self.server, self.daemon = card, server, daemon
        self.recorder, self.figures = recorder, figures

    def run(self, wake: np.ndarray, command: np.ndarray, over: np.ndarray) -> None:
        start_s, connections = time.monotonic(), len(self.server.connections)
        speak(self.card, np.concatenate([wake, command]), 16_000).wait()
        woken = self.daemon.wait("WakeDetected", start_s, 2.0)
        if woken is None:
            self.figures.missed.append("wake word")
            return
        self.daemon.wait("StateChanged", start_s, state="LISTENING")
        time.sleep(0.5)
        heard = self.server.heard
        if len(self.server.connections) != connections + 1 or heard.connected_s < woken["t"] - 0.02:
            self.figures.early_bytes += 1
        self.figures.heard.append((command, heard.samples))
        self.interrupt(heard, over)
        self.server.user_turn()  # an answer without words: silence follows, and ends the conversation
        self.server.answer(np.zeros(0, np.int16))
        idle = self.daemon.wait("StateChanged", start_s, 10.0, state="IDLE")
        time.sleep(0.3)
        if idle is None:
            self.figures.missed.append("idle")
        elif any(t > idle["t"] + 0.05 for t, _ in heard.audio):
            self.figures.early_bytes += 1

    def interrupt(self, heard: Heard, over: np.ndarray) -> None:
        begin_s = time.monotonic()
        self.server.user_turn()
        answer = sound_at(ANSWER_S, seed=len(self.figures.heard))
        item = self.server.answer(answer)
        time.sleep(1.5 + 0.07 * (len(self.figures.heard) % 40))
        self.figures.interruptions += 1
        speak_s = time.monotonic()
        speak(self.card, over, 16_000).wait()
        decided = self.daemon.wait("BargeInDetected", speak_s, 1.0, state="INTERRUPTED")
        sound = self.recorder.so_far()
        on_s = first_sound_s(sound, begin_s)
        if on_s is not None:
            self.figures.first_sound.append((on_s - heard.first_delta_s[item]) * 1000)
        if decided is None:
            self.figures.missed.append("interruption")
            self.daemon.wait("StateChanged", speak_s, 20.0, state="LISTENING")
            time.sleep(0.5)  # the server takes the first sound that comes for words: let the next turn end them
            return
        time.sleep(0.5)
        sound = self.recorder.so_far()
        off_s = last_sound_s(sound, decided["t"] - 0.5, decided["t"] + 0.7)
        self.figures.silence.append((off_s - decided["t"]) * 1000)
        cut = heard.of_type("conversation.item.truncate")
        if on_s is not None and cut:
            self.figures.truncation.append(cut[-1][1]["audio_end_ms"] - (off_s - on_s) * 1000)
        else:
            self.figures.missed.append("truncate")
        was_complete = heard.sent_ms[item] >= ANSWER_S * 1000  # then there is nothing to cancel any more
        if not heard.of_type("response.cancel") and not was_complete:
            self.figures.missed.append("cancel")
        self.figures.errors += len(heard.errors)


def first_sound_s(sound: Recording, after_s: float) -> float | None:
    piece = np.abs(sound.between(after_s, after_s + 2.0).astype(int))
    loud = np.flatnonzero(piece > 100)
    return sound.time_of(sound.index_at(after_s) + int(loud[0])) if loud.size else None


def last_sound_s(sound: Recording, from_s: float, until_s: float) -> float:
    piece = np.abs(sound.between(from_s, until_s).astype(int))
    loud = np.flatnonzero(piece > 100)
    return sound.time_of(sound.index_at(from_s) + int(loud[-1])) if loud.size else from_s


def row(name: str, values: list[float], want: str) -> str:
    if not values:
        return f"| {name} | - | - | - | - | 0 | {want} |"
    p50, p95 = np.percentile(values, [50, 95])
    return f"| {name} | {min(values):.0f} | {p50:.0f} | {p95:.0f} | {max(values):.0f} | {len(values)} | {want} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--server-delay-ms", type=int, default=150, help="the server's time to accept a session")
    options = parser.parse_args()
    wakes, commands = voices()
    figures = Figures()
    with (
        tempfile.TemporaryDirectory() as name,
        VirtualSoundCard(Path(name) / "card") as card,
        ScriptedServer(connect_delay_s=options.server_delay_ms / 1000, hears_speech=True) as server,
    ):
        daemon = Daemon(card, Path(name), CONFIG.format(url=server.url))
        daemon.start()
        try:
            daemon.wait("Ready", timeout_s=20)
            time.sleep(1.0)
            for number in range(options.trials):
                recorder = Recorder(card, "speaker")
                recorder.start()
                trial = Trial(card, server, daemon, recorder, figures)
                trial.run(
                    wakes[number % len(wakes)],
                    commands[number % len(commands)],
                    commands[(number * 7 + 3) % len(commands)],
                )
                recorder.stop()
        finally:
            status = daemon.stop()
    print("| figure, ms | min | p50 | p95 | max | trials | wanted |\n|---|---|---|---|---|---|---|")
    asked = [lost_ms(*pair) for pair in figures.heard]
    print(row("words lost after the wake word, same breath", asked, "0"))
    print(row("first delta sent → first sound", figures.first_sound, f"≤ {DEFAULT_PREFILL_MS + CARD_MS + 20}"))
    print(row("decision to stop → silence", figures.silence, "≤ 60"))
    print(row("audio_end_ms − really heard", figures.truncation, "within ±40"))
    print(f"\nInterruptions: {figures.interruptions}, of which were missed: {figures.missed.count('interruption')}.")
    print(f"Connections or sound before the wake word or after idle: {figures.early_bytes}.")
    print(f"Errors from the server: {figures.errors}. Missed: {figures.missed or 'none'}. Exit status {status}.")


if __name__ == "__main__":
    main()
