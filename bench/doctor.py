"""How reliably `speakerd doctor` finds an echo, and how right its verdict on interruptions is.

    python bench/doctor.py

Sweeps and surf through recorded rooms (../shared/audio/rooms), with speech, music and noise in them, fainter and
fainter; the same sounds without any echo; paths that no canceller can learn. About two minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerd.cli.recording import RecordingError, read_blocks
from speakerd.config.model import Config
from speakerd.doctor import chirp
from speakerd.doctor.chirp import Take
from speakerd.doctor.finding import Finding
from speakerd.doctor.judges.echo import judge
from speakerd.doctor.rehearsal import rehearse
from speakerd.parts import make_duplex
from speakerd.pcm import NEAR_RATE_HZ, ms_to_frames

AUDIO = Path(__file__).resolve().parents[2] / "shared" / "audio"
BACKGROUNDS = ("speech", "music", "noise")
SWEEPS = 3
SNRS_DB = (20, 10, 0, -6, -12, -18)
DELAYS_MS = (15, 60, 220)
SURF_MS = 3_000
LEAD_MS = 300

Sound = NDArray[np.float64]


def recordings(kind: str) -> list[Sound]:
    found = []
    for path in sorted((AUDIO / kind).rglob("*")):
        if path.suffix not in (".wav", ".flac", ".ogg", ".mp3"):
            continue
        try:
            found.append(np.concatenate(list(read_blocks(path))).astype(float))
        except RecordingError:
            continue
    return found


def rooms() -> list[Sound]:
    """Impulse responses with their onset at 0, of power 1."""
    found = []
    for answer in recordings("rooms"):
        begin = int(np.argmax(np.abs(answer) > 0.3 * np.abs(answer).max()))
        kept = answer[begin : begin + NEAR_RATE_HZ]
        found.append(kept / np.sqrt(np.sum(kept**2)))
    return found


def stretches(kind: str, size: int, count: int) -> Iterator[Sound]:
    random = np.random.default_rng(1)
    sounds = [sound for sound in recordings(kind) if np.any(sound)]
    for _ in range(count):
        sound = sounds[random.integers(len(sounds))]
        sound = np.resize(np.roll(sound, random.integers(sound.size)), size)
        yield sound / np.sqrt(np.mean(sound**2) + 1e-9)


def echoed(far: Sound, room: Sound, delay_ms: float, size: int) -> Sound:
    length = 1 << (far.size + room.size).bit_length()
    echo = np.fft.irfft(np.fft.rfft(far, length) * np.fft.rfft(room, length))
    return np.concatenate([np.zeros(ms_to_frames(delay_ms, NEAR_RATE_HZ)), echo])[:size]


def int16(sound: Sound) -> NDArray[np.int16]:
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


def finding_echoes() -> None:
    far = chirp.row(SWEEPS).astype(float)
    sweep_rms = 32768 * 10 ** (chirp.sweep_dbfs() / 20)
    print("| sweeps over the background, dB | " + " | ".join(BACKGROUNDS) + " | delay off by, ms, median and worst |")
    print("|---|---|---|---|---|")
    for snr_db in SNRS_DB:
        cells, off_ms = [], []
        for kind in BACKGROUNDS:
            hits = tries = 0
            sounds = stretches(kind, far.size, 1_000)
            for room in rooms():
                for delay_ms in DELAYS_MS:
                    echo = echoed(far, room, delay_ms, far.size) * 0.1
                    near = echo + next(sounds) * 0.1 * sweep_rms * 10 ** (-snr_db / 20)
                    found = chirp.find(int16(near), 0.0, SWEEPS, chirp.sweep_dbfs())
                    tries += 1
                    if found is not None:
                        hits += 1
                        off_ms.append(abs(found.delay_ms - delay_ms))
            cells.append(f"{hits} of {tries}")
        off = f"{np.median(off_ms):.1f}, {max(off_ms):.1f}" if off_ms else "-"
        print(f"| {snr_db} | {' | '.join(cells)} | {off} |", flush=True)


def finding_nothing() -> None:
    size = chirp.row(SWEEPS).size
    print("\n| no echo, but | takes | echoes found |")
    print("|---|---|---|")
    for kind in BACKGROUNDS:
        sounds = [int16(sound * 2_000) for sound in stretches(kind, size, 400)]
        false = sum(chirp.find(near, 0.0, SWEEPS, chirp.sweep_dbfs()) is not None for near in sounds)
        print(f"| {kind} | {len(sounds)} | {false} |", flush=True)


def verdict(
    room: Sound, bend: Callable[[Sound], Sound], snr_db: float, delay_ms: float, random: np.random.Generator
) -> Finding:
    surf = chirp.surf(SURF_MS)
    lead = ms_to_frames(LEAD_MS, NEAR_RATE_HZ)
    size = lead + surf.size + NEAR_RATE_HZ // 2
    echo = np.concatenate([np.zeros(lead), echoed(bend(surf.astype(float)), room, delay_ms, size - lead)]) * 0.1
    noise = random.standard_normal(size) * np.sqrt(np.mean(echo[lead:] ** 2)) * 10 ** (-snr_db / 20)
    rehearsal = rehearse(make_duplex(Config()), int16(echo + noise), surf, float(lead))
    far = chirp.row(SWEEPS)
    take = Take(int16(echoed(far.astype(float), room, delay_ms, far.size) * 0.1), 0.0, 0, 0)
    return judge(chirp.what_reached(take, SWEEPS), rehearsal, Config(), "alsamixer")[-1]


def judging() -> None:
    random = np.random.default_rng(2)

    def jumps(sound: Sound) -> Sound:
        return np.concatenate([np.roll(sound[at : at + 1_600], at % 997) for at in range(0, sound.size, 1_600)])

    paths: dict[str, Callable[[Sound], Sound]] = {
        "linear": lambda sound: sound,
        "limited at a third of its peak": lambda sound: np.clip(sound, *(np.array([-1, 1]) * np.abs(sound).max() / 3)),
        "limited at a tenth": lambda sound: np.clip(sound, *(np.array([-1, 1]) * np.abs(sound).max() / 10)),
        "a gap or jump each 100 ms": jumps,
        "another sound than was played": lambda sound: np.roll(sound[::-1], 500),
    }
    print("\n| path | echo 40 dB over the room's noise: full duplex | 15 dB over it |")
    print("|---|---|---|")
    for name, bend in paths.items():
        cells = []
        for snr_db in (40.0, 15.0):
            told = [verdict(room, bend, snr_db, 40.0, random).figures["mode"] for room in rooms()]
            cells.append(f"{told.count('full')} of {len(told)}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    finding_echoes()
    finding_nothing()
    judging()
