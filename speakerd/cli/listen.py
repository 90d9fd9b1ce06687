"""`speakerd listen`: the daemon's front-end over recordings, as fast as it can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from speakerd.cli.recording import RecordingError, read_blocks
from speakerd.config.load import load
from speakerd.config.model import Wake
from speakerd.conversation.events import SpeechDetected, WakeDetected
from speakerd.errors import EXIT_CONFIG, EXIT_FAILED, ConfigError
from speakerd.mic.duplex import Duplex
from speakerd.mic.frontend import FrontEnd, HeardEvent
from speakerd.pcm import NEAR_PERIOD_FRAMES, NEAR_RATE_HZ, NOTHING_PLAYS, PERIOD_MS, NearFrame, Samples

PAD_S = 1.0
"""Silence put before and after each recording: a word at its very start or end is found too."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One detection; the fields of a JSON line."""

    file: str
    t_s: float
    """Seconds from the start of the recording; in the silence after it for a word at its very end."""
    kind: str
    """wake | speech_start | speech_stop."""
    word: str | None = None
    score: float | None = None


def listen_to(path: Path, wake: Wake) -> Iterator[Heard]:
    """What the front-end hears in one recording. Raises RecordingError, ConfigError."""
    front_end = FrontEnd(wake, Duplex(None, None, None))  # nothing plays: no echo, nothing to interrupt
    for frame in _near_frames(path):
        for event in front_end.process(frame, NOTHING_PLAYS)[1]:
            heard = _heard(str(path), event)
            if heard is not None:
                yield heard


@click.command("listen")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
@click.option(
    "--config", "config_path", type=click.Path(readable=False, path_type=Path), help="YAML file with the wake words."
)
def command(files: tuple[Path, ...], as_json: bool, config_path: Path | None) -> None:
    """Find wake words and speech in recordings, with the very code that listens to the microphone.

    WAV, FLAC, Ogg, MP3 or AIFF, of any rate and channel count.
    """
    failed = False
    try:
        wake = load(config_path).wake
        for path in files:
            try:
                for heard in listen_to(path, wake):
                    click.echo(_json_line(heard) if as_json else _plain_line(heard))
            except RecordingError as error:
                failed = True
                click.echo(f"speakerd listen: {error}", err=True)
    except ConfigError as error:
        click.echo(f"speakerd listen: {error}", err=True)
        raise SystemExit(EXIT_CONFIG) from error
    if failed:
        raise SystemExit(EXIT_FAILED)


def _near_frames(path: Path) -> Iterator[NearFrame]:
    """The recording between two stretches of silence, as near frames counted from 0."""
    pad: Samples = np.zeros(round(PAD_S * NEAR_RATE_HZ), np.int16)
    rest: Samples = np.zeros(0, np.int16)
    index = 0
    for block in _padded(read_blocks(path), pad):
        sound = np.concatenate((rest, block))
        whole = len(sound) // NEAR_PERIOD_FRAMES * NEAR_PERIOD_FRAMES
        for samples in sound[:whole].reshape(-1, NEAR_PERIOD_FRAMES):
            yield NearFrame(samples, index, index * PERIOD_MS / 1000)
            index += 1
        rest = sound[whole:]


def _padded(blocks: Iterator[Samples], pad: Samples) -> Iterator[Samples]:
    yield pad
    yield from blocks
    yield pad


def _heard(file: str, event: HeardEvent) -> Heard | None:
    match event:
        case WakeDetected(word, score, index):
            return Heard(file, _seconds(index + 1), "wake", word, round(score, 4))
        case SpeechDetected(started, index):
            return Heard(file, _seconds(index), "speech_start" if started else "speech_stop")
    return None


def _seconds(frames: int) -> float:
    return round(max(0.0, frames * PERIOD_MS / 1000 - PAD_S), 3)


def _json_line(heard: Heard) -> str:
    return json.dumps(asdict(heard), ensure_ascii=False)


def _plain_line(heard: Heard) -> str:
    what = f"{heard.word} ({heard.score:.3f})" if heard.word is not None else heard.kind.replace("_", " ")
    return f"{heard.file}: {heard.t_s:8.2f} s  {what}"
