"""The embedded server's parts: how well its ears hear, how well its wits answer, how soon, and in how much memory.

    python bench/ears_and_wits.py [words] [wits] [latency]      all of them without arguments

words: word error rate on 50 recordings of people (bench/commands.tsv, ../shared/audio/commands).
wits: bench/wits.py, typed and spoken by two voices of flite: answers right of 60 and 30.
latency: `speakerd serve` as a process; 20 recordings of people and 20 questions by flite, sent in real time; from the
last sound of the speaker, and from `speech_stopped`, to the first sound of the answer. Its memory before and after.
Prints markdown.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from websockets.asyncio.client import ClientConnection, connect

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from speakerd.pcm import WIRE_RATE_HZ, Samples, to_bytes
from speakerd.server.ears import Ears
from speakerd.server.voice import Voice

ROOT = Path(__file__).resolve().parents[1]
RECORDINGS = ROOT.parent / "shared" / "audio" / "commands"
CHUNK_MS = 40
QUESTIONS = (
    "What time is it?",
    "What is seventeen plus twenty five?",
    "What is today's date?",
    "What can you do?",
    "Who are you?",
)


def spoken_words() -> dict[str, list[str]]:
    """By name of the recording."""
    lines = (line for line in (ROOT / "bench" / "commands.tsv").read_text(encoding="utf-8").splitlines())
    return {name: words.split() for name, words in (line.split("\t") for line in lines if line[:1] != "#")}


def recording(name: str) -> tuple[Samples, int]:
    """Samples (int16 mono) and their rate."""
    samples, rate_hz = soundfile.read(RECORDINGS / f"{name}.wav", dtype="int16")
    return np.asarray(samples, dtype=np.int16), int(rate_hz)


def plain(text: str) -> list[str]:
    """Words alone."""
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def errors(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Words to put in, leave out and replace to make one of the other, at least."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(wanted, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1]


def measure_words() -> None:
    """Word error rate, and how long the ears take."""
    ears = Ears()
    ears.load()
    print("| recordings | words | wrong | word error rate | whole sentences right | CPU s per s of sound |")
    print("|---|---|---|---|---|---|")
    total = np.zeros(6)
    for group, what in (("coffee", "orders of coffee, many speakers"), ("office", '"turn on the office lights"')):
        found = np.zeros(6)
        for name, wanted in spoken_words().items():
            if not name.startswith(group):
                continue
            samples, rate_hz = recording(name)
            began_s = time.process_time()
            wrong = errors(wanted, plain(ears.transcribe(samples, rate_hz)))
            cpu_s = time.process_time() - began_s
            found += (1, len(wanted), wrong, wrong == 0, cpu_s, samples.size / rate_hz)
        print(_row(what, found))
        total += found
    print(_row("all", total))


def _row(name: str, found: np.ndarray) -> str:
    count, words, wrong, whole, cpu_s, sound_s = found
    rate = f"{wrong / words:.1%} | {whole:.0f} of {count:.0f} | {cpu_s / sound_s:.3f}"
    return f"| {name} ({count:.0f}) | {words:.0f} | {wrong:.0f} | {rate} |"


# ------------------------------------------------------------ latency


def utterances() -> list[tuple[str, Samples]]:
    """(whose, sound at 24 kHz with 0.3 s of quiet before), people and flite in turns."""
    people = [name for name in spoken_words() if name.startswith("office")][:20]
    voices = [Voice("slt"), Voice("rms")]
    found: list[tuple[str, Samples]] = []
    for number, name in enumerate(people):
        samples, rate_hz = recording(name)
        found.append(("people", np.asarray(soxr.resample(samples, rate_hz, WIRE_RATE_HZ), dtype=np.int16)))
        text = QUESTIONS[number % len(QUESTIONS)]
        found.append(("flite", voices[number // len(QUESTIONS) % 2].synthesise(text, WIRE_RATE_HZ)))
    quiet = np.zeros(WIRE_RATE_HZ * 3 // 10, dtype=np.int16)
    return [(who, np.concatenate([quiet, sound])) for who, sound in found]


def speech_ends_s(samples: Samples) -> float:
    """When the last 20 ms end that are within 30 dB of the loudest."""
    frames = samples[: samples.size // 480 * 480].reshape(-1, 480).astype(np.float64)
    level = np.sqrt((frames**2).mean(axis=1))
    return (int(np.flatnonzero(level > level.max() / 31.6)[-1]) + 1) * 0.02


async def one_turn(socket: ClientConnection, sound: Samples) -> tuple[float, float] | None:
    """Seconds from the end of speech, and from `speech_stopped`, to the first sound; None if the turn was not heard."""
    step = WIRE_RATE_HZ * CHUNK_MS // 1000
    began_s = time.perf_counter()
    times: dict[str, float] = {}
    finished = asyncio.Event()

    async def listen() -> None:
        async for frame in socket:
            kind = json.loads(frame)["type"]
            times.setdefault(kind, time.perf_counter())
            if kind == "response.done":
                finished.set()
                return

    async def talk() -> None:
        silence = np.zeros(step, dtype=np.int16)
        for number in range(2_000):
            piece = sound[number * step : (number + 1) * step]
            data = to_bytes(piece if piece.size else silence)
            await asyncio.sleep(max(0.0, began_s + (number + 1) * CHUNK_MS / 1000 - time.perf_counter()))
            await socket.send(
                json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(data).decode()})
            )
            if finished.is_set():
                return

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(25), asyncio.TaskGroup() as tasks:
            tasks.create_task(listen(), name="listen")
            tasks.create_task(talk(), name="talk")
    first = times.get("response.output_audio.delta")
    if first is None:
        return None
    return first - began_s - speech_ends_s(sound), first - times["input_audio_buffer.speech_stopped"]


def rss_mb(pid: int) -> float:
    """Memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


async def measure_latency() -> None:
    """Talk with a server of its own process."""
    command = [sys.executable, "-m", "speakerd", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:  # noqa: ASYNC220 - at once
        try:
            url = server.stdout.readline().split()[-1]
            await asyncio.sleep(5)  # until the ears are loaded
            before_mb = rss_mb(server.pid)
            times: dict[str, list[tuple[float, float]]] = {"people": [], "flite": []}
            missed = 0
            for who, sound in utterances():
                async with connect(url) as socket:
                    found = await one_turn(socket, sound)
                if found is None:
                    missed += 1
                else:
                    times[who].append(found)
            after_mb = rss_mb(server.pid)
        finally:
            server.terminate()
    print("| to the first sound of the answer, ms | turns | p50 | p95 | max |\n|---|---|---|---|---|")
    for who, found in times.items():
        for place, what in enumerate(("end of speech (holds the 500 ms of silence)", "`speech_stopped`")):
            ms = np.array([one[place] for one in found]) * 1000
            half, most = np.percentile(ms, [50, 95])
            print(f"| {who}: from {what} | {ms.size} | {half:.0f} | {most:.0f} | {ms.max():.0f} |")
    print(f"\nTurns without an answer: {missed}. RSS {before_mb:.0f} MB after loading, {after_mb:.0f} MB afterwards.")


def main() -> None:
    """What was asked for."""
    wanted = sys.argv[1:] or ["words", "wits", "latency"]
    if "words" in wanted:
        measure_words()
    if "wits" in wanted:
        import wits

        sys.argv[1:] = ["--spoken", "--show", "none"]
        print()
        wits.main()
    if "latency" in wanted:
        print()
        asyncio.run(measure_latency())


if __name__ == "__main__":
    main()
