"""The whole daemon in a room that echoes: half an hour of the assistant alone, then people who interrupt it.

    python bench/talkover.py [--minutes 30] [--interruptions 50] [--room FILE.wav] [--echo-db -20] [--delay-ms 40]

The virtual sound card's microphone hears its loudspeaker: later and quieter, or through a recorded room response.
The assistant speaks with a recorded voice, people with others. Self-interruptions and decisions are read off the
daemon's events, silence off a recording of the loudspeaker, words off what the server received, which is written
down by the embedded server's ears. Prints markdown. Uses ../shared/audio where it is, else flite's voices.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.scripted_server import ScriptedServer  # noqa: E402

from speakerd.cli.recording import read_blocks  # noqa: E402
from speakerd.demo.daemon import Daemon  # noqa: E402
from speakerd.demo.play import say  # noqa: E402
from speakerd.demo.recording import Recorder, speak  # noqa: E402
from speakerd.demo.soundcard import CARD_RATE_HZ, VirtualSoundCard, monitor_of  # noqa: E402
from speakerd.server.ears import Ears  # noqa: E402

AUDIO = ROOT.parent / "shared" / "audio"
WIRE_HZ = 24_000
REPLY_S = 60.0
CONFIG = """\
wake: {{words: [{{model: alexa}}, {{model: hey_jarvis}}]}}
realtime: {{url: "{url}"}}
conversation:
  {{silence_timeout_s: 60.0, max_reply_s: 600.0, max_conversation_s: 86400.0, barge_in_detector: {detector}}}
"""


def read_16k(path: Path) -> np.ndarray:
    return np.concatenate(list(read_blocks(path)))


def trimmed(samples: np.ndarray) -> np.ndarray:
    """From the first to the last sound."""
    level = np.convolve(np.abs(samples.astype(float)), np.ones(160) / 160, "same")
    loud = np.flatnonzero(level > 0.05 * level.max())
    return samples[loud[0] : loud[-1] + 1]


def assistant_voice() -> np.ndarray:
    """Minutes of one voice, int16 mono 24 kHz, no louder than the service's."""
    source = AUDIO / "speech/asterisk_en_allison.flac"
    if source.is_file():
        voice = read_16k(source)
    else:
        lines = ("The weather today is mostly cloudy.", "I have set a timer for ten minutes.", "Once upon a time.")
        voice = np.concatenate([say(f"{line} That was number {n}.")[0] for n in range(40) for line in lines])
    sound = soxr.resample(voice.astype(np.float32), 16_000, WIRE_HZ)
    return (sound / np.abs(sound).max() * 20_000).astype(np.int16)


def people() -> list[np.ndarray]:
    """Commands, trimmed, int16 mono 16 kHz."""
    if AUDIO.is_dir():
        return [trimmed(read_16k(path)) for path in sorted((AUDIO / "commands").glob("*.wav"))[::2]]
    return [trimmed(say(line)[0]) for line in ("Please stop now.", "Turn on the office lights.", "No, wait a moment.")]


class Room:
    """Lets the card's microphone hear its loudspeaker through an impulse response, until `close`.

    In a process of its own, with more priority: a room never stutters, and a stutter would move the echo.
    """

    def __init__(self, card: VirtualSoundCard, response: Path, gain_db: float) -> None:
        answer = soxr.resample(read_16k(response).astype(np.float64), 16_000, CARD_RATE_HZ)
        # Some recordings begin with the delay of whatever made them: the room begins with its first strong sound.
        answer = answer[max(0, int(np.argmax(np.abs(answer) > 0.5 * np.abs(answer).max())) - CARD_RATE_HZ // 500) :]
        self._answer = answer / np.sqrt(np.sum(answer**2)) * 10 ** (gain_db / 20)
        self._file = card.folder / "room.npy"
        np.save(self._file, self._answer)
        common = ("--raw", "--format=s16le", f"--rate={CARD_RATE_HZ}", "--channels=1", "-d")
        self._ear = card.spawn(
            "parec", "--latency-msec=10", *common, monitor_of("speaker"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wall = subprocess.Popen(
            [sys.executable, __file__, "--as-room", str(self._file)], stdin=self._ear.stdout, stdout=subprocess.PIPE
        )
        self._mouth = card.spawn(
            "pacat", "--playback", "--latency-msec=60", *common, "speakerd_mic_in",
            stdin=self._wall.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def close(self) -> None:
        """Take the room away."""
        for process in (self._ear, self._wall, self._mouth):
            process.terminate()
            process.wait()


def answer_as_room(response: Path) -> None:
    """int16 at the card's rate from stdin to stdout, through the impulse response, 10 ms at a time."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    answer = np.load(response)
    block = CARD_RATE_HZ // 100
    size = 1 << (answer.size + block).bit_length()
    spectrum = np.fft.rfft(answer, size)
    tail = np.zeros(size)
    sound_in = sys.stdin.buffer.raw
    os.set_blocking(sound_in.fileno(), False)
    while sound_in.read(2 * block):  # what came while we began would delay all the rest
        pass
    os.set_blocking(sound_in.fileno(), True)
    sys.stdout.buffer.write(bytes(2 * 6 * block))  # 60 ms ahead, so that it never runs empty: that would move the echo
    while len(data := sys.stdin.buffer.read(2 * block)) == 2 * block:
        sound = np.frombuffer(data, "<i2").astype(float)
        if sound.any() or tail.any():
            tail += np.fft.irfft(np.fft.rfft(sound, size) * spectrum, size)
        sys.stdout.buffer.write(np.clip(np.rint(tail[:block]), -32768, 32767).astype("<i2").tobytes())
        sys.stdout.buffer.flush()
        tail = np.concatenate([tail[block:], np.zeros(block)])
        tail[np.abs(tail) < 1e-3] = 0


@dataclass
class Figures:
    alone_s: float = 0.0
    self_interruptions: int = 0
    self_wakes: int = 0
    dips: int = 0
    uplink: list[np.ndarray] = field(default_factory=list)
    """What the server received while only the assistant spoke, 24 kHz."""
    suspicion: list[float] = field(default_factory=list)
    decision: list[float] = field(default_factory=list)
    silence: list[float] = field(default_factory=list)
    heard: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    """(what was said, 16 kHz; what the server received from its onset on, 24 kHz)."""
    missed: int = 0


class Evening:
    """One conversation that does not end."""

    def __init__(self, card: VirtualSoundCard, server: ScriptedServer, daemon: Daemon, figures: Figures) -> None:
        self.card, self.server, self.daemon, self.figures = card, server, daemon, figures
        self.voice = assistant_voice()
        self.place = 0

    def wake(self) -> None:
        word = sorted((AUDIO / "wake/alexa").glob("*.wav"))[:1]
        speak(self.card, read_16k(word[0]) if word else say("Hey Jarvis")[0], 16_000).wait()
        assert self.daemon.wait("StateChanged", state="LISTENING"), self.daemon.log_path.read_text()
        time.sleep(1.0)

    def next_words(self, seconds: float) -> np.ndarray:
        words = np.take(self.voice, np.arange(self.place, self.place + round(seconds * WIRE_HZ)), mode="wrap")
        self.place = (self.place + words.size) % self.voice.size
        return words

    def alone(self, seconds: float) -> None:
        """The assistant speaks for `seconds`, a minute at a time, and nobody else does."""
        while self.figures.alone_s < seconds:
            since_s, size = time.monotonic(), self.server.heard.samples.size
            self.server.user_turn()
            self.server.answer(self.next_words(REPLY_S))
            ended = self.daemon.wait("PlayoutDrained", since_s, REPLY_S + 10, state="LISTENING")
            happened = [event for event in self.daemon.events if event["t"] >= since_s]
            self_wakes = sum(event["event"] == "WakeDetected" for event in happened)
            assert ended or self_wakes, "the reply did not end"
            time.sleep(1.0)
            self.figures.self_wakes += self_wakes
            self.figures.self_interruptions += sum(event["event"] == "BargeInDetected" for event in happened)
            self.figures.dips += sum(event["event"] == "BargeInSuspected" for event in happened)
            self.figures.uplink.append(self.server.heard.samples[size:])
            self.figures.alone_s += REPLY_S

    def interrupt(self, command: np.ndarray, after_s: float) -> None:
        self.server.hears_speech = False
        begin_s = time.monotonic()
        self.server.user_turn()
        self.server.answer(self.next_words(25.0))
        assert self.daemon.wait("StateChanged", begin_s, state="SPEAKING")
        time.sleep(after_s)
        self.server.hears_speech = True
        mic, loudspeaker = Recorder(self.card, "mic"), Recorder(self.card, "speaker")
        mic.start()
        loudspeaker.start()
        size, speak_s = self.server.heard.samples.size, time.monotonic()
        speak(self.card, command, 16_000).wait()
        decided = self.daemon.wait("BargeInDetected", speak_s, 1.5)
        time.sleep(1.0)
        room, sound = mic.stop(), loudspeaker.stop()
        onset_s, _ = room.find(soxr.resample(command.astype(np.float32), 16_000, CARD_RATE_HZ).astype(np.int16))
        if decided is None:
            self.figures.missed += 1
        else:
            self._measure(command, onset_s, decided["t"], sound, self.server.heard.samples[size:])
            suspected = self.daemon.find("BargeInSuspected", onset_s)
            if suspected is not None and suspected["t"] <= decided["t"]:
                self.figures.suspicion.append((suspected["t"] - onset_s) * 1000)
        self.server.send("input_audio_buffer.speech_stopped", audio_end_ms=1, item_id="user_1")
        self.server.wait_for(lambda: self.daemon.find("StateChanged", speak_s, state="THINKING") or decided is None)
        if decided is None:
            self.daemon.wait("PlayoutDrained", speak_s, 40, state="LISTENING")

    def _measure(self, command, onset_s, decided_s, sound, received) -> None:  # noqa: ANN001
        self.figures.decision.append((decided_s - onset_s) * 1000)
        piece = np.abs(sound.between(onset_s, decided_s + 0.6).astype(int))
        loud = np.flatnonzero(piece > 30)
        if loud.size:
            self.figures.silence.append(int(loud[-1]) / CARD_RATE_HZ * 1000)
        self.figures.heard.append((command, received))


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return [word for part in text.replace("-", " ").split() if (word := "".join(filter(str.isalnum, part.lower())))]


def differences(want: str, got: str) -> tuple[int, int, int]:
    """Of the words of `want`: how many `got` lacks or has others for; how many it has beside; how many there are."""
    a, b = words_of(want), words_of(got)
    # Cost and additions of the cheapest way from the first i words of a to the first j of b.
    row = [(j, j) for j in range(len(b) + 1)]
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], (i, 0)
        for j, other in enumerate(b, 1):
            ways = (
                (before[0] + (word != other), before[1]),
                (row[j][0] + 1, row[j][1]),
                (row[j - 1][0] + 1, row[j - 1][1] + 1),
            )
            before, row[j] = row[j], min(ways)
    errors, added = row[-1]
    return errors - added, added, len(a)


def trouble_of(counters: dict[str, object]) -> str:
    """The totals that are not zero, of those that a stuttering card makes: it moves the echo as no room does."""
    kinds = (
        "capture_xruns",
        "capture_dropped",
        "playback_xruns",
        "reference_late",
        "reference_realigned",
        "echo_jumps",
    )
    return ", ".join(f"{kind} {counters[kind]}" for kind in kinds if counters.get(kind)) or "nothing"


def row(name: str, values: list[float]) -> str:
    if not values:
        return f"| {name} | - | - | - | 0 |"
    p50, p95 = np.percentile(values, [50, 95])
    return f"| {name} | {p50:.0f} | {p95:.0f} | {max(values):.0f} | {len(values)} |"


def report(figures: Figures, interruptions: int, *, verbose: bool) -> None:
    ears = Ears()
    print(f"Assistant alone: {figures.alone_s / 60:.0f} min, {figures.self_interruptions} self-interruptions, ", end="")
    print(f"{figures.self_wakes} self-wakes, {figures.dips} dips.")
    alone = [ears.transcribe(sound, WIRE_HZ) for sound in figures.uplink]
    seconds = sum(sound.size for sound in figures.uplink) / WIRE_HZ
    print(
        f"Words in the {seconds:.0f} s that the server received meanwhile: {' '.join(filter(None, alone)) or 'none'}."
    )
    print(f"\nInterruptions: {interruptions}, missed {figures.missed}.\n")
    print("| from the first sound of the user, ms | p50 | p95 | max | trials |\n|---|---|---|---|---|")
    print(row("to the duck", figures.suspicion))
    print(row("to the decision", figures.decision))
    print(row("to silence at the loudspeaker", figures.silence))
    lost = added = total = 0
    for said, received in figures.heard:
        want = ears.transcribe(said, 16_000)
        got = ears.transcribe(received, WIRE_HZ)
        some_lost, some_added, words = differences(want, got)
        lost, added, total = lost + some_lost, added + some_added, total + words
        if verbose:
            print(f"said:  {want}\nheard: {got}", file=sys.stderr)
    print(f"\nWords at the server, against what the same ears hear in the recordings alone: of {total}, ", end="")
    print(f"{lost} are missing or others; {added} were added.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--interruptions", type=int, default=50)
    parser.add_argument("--room", type=Path, help="an impulse response instead of a plain delay")
    parser.add_argument("--echo-db", type=float, default=-20)
    parser.add_argument("--delay-ms", type=int, default=40)
    parser.add_argument("--detector", choices=["learned", "rule"], default="learned")
    parser.add_argument("--verbose", action="store_true", help="what was said and heard, to stderr")
    parser.add_argument("--as-room", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_room:
        answer_as_room(options.as_room)
        return
    figures, commands = Figures(), people()
    with (
        tempfile.TemporaryDirectory() as name,
        VirtualSoundCard(Path(name) / "card") as card,
        ScriptedServer() as server,
    ):
        daemon = Daemon(card, Path(name), CONFIG.format(url=server.url, detector=options.detector))
        daemon.start()
        room = None
        try:
            assert daemon.wait("Ready", timeout_s=20), daemon.log_path.read_text()
            if options.room:
                room = Room(card, options.room, options.echo_db)
            else:
                card.loop(options.delay_ms, options.echo_db)
            evening = Evening(card, server, daemon, figures)
            evening.wake()
            evening.alone(60 * options.minutes)
            for number in range(options.interruptions):
                evening.interrupt(commands[number % len(commands)], 3.0 + 0.11 * (number % 40))
        finally:
            if room is not None:
                room.close()
            daemon.stop()
            print(daemon.log_path.read_text()[-1500:], file=sys.stderr)
            counters = daemon.wait("Counters", timeout_s=1.0)
    print("What went wrong at the sound cards:", trouble_of(counters) if counters else "unknown")
    report(figures, options.interruptions, verbose=options.verbose)


if __name__ == "__main__":
    main()
