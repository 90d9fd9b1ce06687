"""Sounds to build scenes from: fetched as Debian packages or spoken by flite and espeak-ng, kept as int16 at 16 kHz.

A pool is a .npz: `samples` (all sounds joined), `ends`, and for each sound `group` (speaker or package).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import soundfile
import soxr

from bench.bargein.sources import SOURCES, TEST, TRAIN, TUNE, TUNE_LANGUAGES, TUNE_SPEAKERS, Source, packages
from bench.bargein.spoken import utterances

RATE_HZ = 16_000
SOUND_SUFFIXES = {".wav", ".ogg", ".oga", ".flac", ".mp3", ".g722"}
MAX_S = {"voice": 12.0, "noise": 30.0, "animal": 30.0, "tap": 2.0, "music": 180.0}
SHARED_AUDIO = Path(__file__).resolve().parents[3] / "shared" / "audio"


@dataclass
class Pool:
    """Sounds of one kind and one split."""

    sounds: list[np.ndarray]
    """int16."""
    groups: list[str]

    def by_group(self) -> dict[str, list[np.ndarray]]:
        """Sounds of each speaker."""
        table: dict[str, list[np.ndarray]] = defaultdict(list)
        for sound, group in zip(self.sounds, self.groups, strict=True):
            table[group].append(sound)
        return dict(table)


def fetch(cache: Path) -> None:
    """Download and unpack, as an ordinary user, what is not there yet."""
    debs, unpacked = cache / "debs", cache / "x"
    debs.mkdir(parents=True, exist_ok=True)
    for package in packages():
        if (unpacked / package).is_dir():
            continue
        if not any(debs.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", "-q", package], cwd=debs, check=True)
        subprocess.run(["dpkg", "-x", next(debs.glob(f"{package}_*.deb")), unpacked / package], check=True)
        for archive in (unpacked / package).rglob("*.pk3"):
            with ZipFile(archive) as held:
                sounds = [name for name in held.namelist() if Path(name).suffix.lower() in SOUND_SUFFIXES]
                held.extractall(unpacked / package / "z", sounds)


def decode(path: Path, max_s: float) -> np.ndarray | None:
    """Mono int16 at 16 kHz, at most `max_s` from its start; None if it cannot be read."""
    try:
        if path.suffix == ".g722":
            x, rate = _decode_g722(path), RATE_HZ
        else:
            with soundfile.SoundFile(path) as file:
                rate = file.samplerate
                x = file.read(int(max_s * rate), dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.LibsndfileError, OSError):
        return None
    if rate != RATE_HZ and len(x):
        x = soxr.resample(x, rate, RATE_HZ)
    x = x[: int(max_s * RATE_HZ)]
    peak = float(np.abs(x).max()) if len(x) else 0.0
    if peak < 0.003:
        return None
    return np.round(x * (0.7 / peak) * 32767).astype(np.int16)


def _decode_g722(path: Path) -> np.ndarray:
    import av

    with av.open(str(path), format="g722") as container:
        blocks = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    return np.concatenate([np.zeros(0), *blocks]).astype(np.float32) / 32768


def trim(x: np.ndarray) -> np.ndarray:
    """Without the silence before and after (35 dB under the loudest 10 ms)."""
    n = len(x) // 160
    if n < 6:
        return x
    level = np.square(x[: n * 160].astype(np.float32)).reshape(n, 160).mean(axis=1)
    loud = np.flatnonzero(level > level.max() * 10**-3.5)
    return x[max(0, (loud[0] - 2) * 160) : (loud[-1] + 3) * 160]


def _split(source: Source, group: str, path: Path) -> str:
    if source.split:
        return source.split
    if source.kind == "voice":
        language = group.split("-", 1)[-1]
        return TUNE if language in TUNE_LANGUAGES or group in TUNE_SPEAKERS else TRAIN
    return TUNE if zlib.crc32(path.name.encode()) % 6 == 0 else TRAIN


def _speaker(source: Source, path: Path) -> str:
    suffix = re.search(r"_desc_([A-Za-z_]+)$", path.stem.split(".")[0])
    return source.speaker.format(
        parent=path.parent.name, grandparent=path.parent.parent.name, suffix=suffix.group(1) if suffix else "en"
    )


def _recorded(source: Source, root: Path) -> Iterator[tuple[str, str, Path]]:
    for path in sorted((root / source.package).glob(source.pattern)):
        if path.suffix.lower() not in SOUND_SUFFIXES or path.is_symlink() or not path.is_file():
            continue
        if source.skip and re.search(source.skip, path.name):
            continue
        group = _speaker(source, path) if source.kind == "voice" else source.package
        yield _split(source, group, path), group, path


def _read(job: tuple[str, str, str, Path]) -> tuple[str, str, str, np.ndarray | None]:
    kind, split, group, path = job
    x = decode(path, MAX_S[kind])
    return kind, split, group, trim(x) if x is not None and kind in ("voice", "tap") else x


def prepare(cache: Path, processes: int) -> None:
    """Fetch, decode, speak, and write the pools to `cache`/pools."""
    fetch(cache)
    jobs = [(s.kind, split, group, path) for s in SOURCES for split, group, path in _recorded(s, cache / "x")]
    jobs += list(_shared())
    seen: set[int] = set()
    pools: dict[tuple[str, str], Pool] = defaultdict(lambda: Pool([], []))
    with ProcessPoolExecutor(processes) as workers, tempfile.TemporaryDirectory() as scratch:
        found = list(workers.map(_read, jobs, chunksize=32))
        spoken = workers.map(_speak, [(u, Path(scratch)) for u in utterances()], chunksize=8)
        found += [("voice", split, group, x) for split, group, x in spoken]
    for kind, split, group, x in found:
        if x is None or len(x) < (800 if kind == "tap" else 2400):
            continue
        mark = zlib.crc32(x.tobytes())
        if mark not in seen:  # some packages hold a recording twice
            seen.add(mark)
            pools[kind, split].sounds.append(x)
            pools[kind, split].groups.append(group)
    for (kind, split), pool in sorted(pools.items()):
        _save(cache / "pools" / f"{kind}_{split}.npz", pool)
        minutes = sum(map(len, pool.sounds)) / RATE_HZ / 60
        print(f"{kind} {split}: {len(pool.sounds)} sounds, {len(set(pool.groups))} groups, {minutes:.0f} min")


def _speak(job: tuple[tuple[str, str, list[str], str], Path]) -> tuple[str, str, np.ndarray | None]:
    (split, group, command, text), scratch = job
    path = scratch / f"{zlib.crc32(repr(job).encode())}.wav"
    words = [str(path) if word == "{out}" else word for word in command]
    subprocess.run([*words, text], check=False, capture_output=True)
    x = decode(path, MAX_S["voice"]) if path.exists() else None
    path.unlink(missing_ok=True)
    return split, group, trim(x) if x is not None else None


def _shared() -> Iterator[tuple[str, str, str, Path]]:
    # People, noise and music that no training has heard; only where the folder is.
    for folder, kind, group in (
        ("commands", "voice", "command"),
        ("near_misses/computer", "voice", "short"),
        ("near_misses/jarvis", "voice", "short"),
        ("wake/alexa", "voice", "short"),
        ("noise", "noise", "shared"),
        ("music", "music", "shared"),
    ):
        for path in sorted((SHARED_AUDIO / folder).glob("*")):
            if path.suffix in SOUND_SUFFIXES:
                yield kind, TEST, group, path


def assistant() -> list[np.ndarray] | None:
    """Allison's prompts, the assistant's voice of the test, one sound each; None where ../shared is missing."""
    path = SHARED_AUDIO / "speech" / "asterisk_en_allison.flac"
    if not path.exists():
        return None
    x, _ = soundfile.read(path, dtype="int16")
    loud = np.abs(x[: len(x) // 160 * 160].reshape(-1, 160)).max(axis=1) > 30
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.convolve(loud, np.ones(25), "same") > 0, [0]]).astype(int)))
    longest = int(MAX_S["voice"] * 100)
    prompts = [x[c * 160 : min(b, c + longest) * 160] for a, b in edges.reshape(-1, 2) for c in range(a, b, longest)]
    return [p for p in prompts if len(p) > RATE_HZ]


def _save(path: Path, pool: Pool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ends = np.cumsum([len(x) for x in pool.sounds])
    np.savez(path, samples=np.concatenate(pool.sounds), ends=ends, groups=np.array(pool.groups))


def load(cache: Path, kind: str, split: str) -> Pool:
    """A pool that `prepare` wrote."""
    with np.load(cache / "pools" / f"{kind}_{split}.npz") as file:
        samples, ends, groups = file["samples"], file["ends"], file["groups"]
    return Pool(np.split(samples, ends[:-1]), [str(g) for g in groups])
