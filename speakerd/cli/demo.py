"""`speakerd demo`: a whole conversation with the real daemon, without key, network or sound hardware."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import wave
from pathlib import Path

import click

from speakerd.demo.daemon import Happening
from speakerd.demo.recording import Recording
from speakerd.demo.stage import perform
from speakerd.demo.timeline import Timeline
from speakerd.demo.verdict import checks, latencies
from speakerd.errors import EXIT_FAILED, EXIT_OK, SpeakerdError
from speakerd.pcm import to_bytes


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/demo"),
    show_default=True,
    help="Folder for the results.",
)
@click.option(
    "--echo-db", type=click.FloatRange(-60, 0), help="Let the microphone hear the loudspeaker, e.g. at -20 dB."
)
def command(out: Path, echo_db: float | None) -> None:
    """Speak to the daemon on a virtual sound card, and show what it does.

    It says the wake word and a question in one breath, hears the answer, asks for a long story, talks
    over it, and waits until the daemon is idle again.
    """
    _make_writable(out)
    click.echo(f"speakerd demo: results go to {out.resolve()}")
    teller = Teller()
    played = perform(out, teller.words, teller.event, echo_db)
    _save(out / "mic.wav", played.mic)
    _save(out / "speaker.wav", played.speaker)
    (out / "timeline.svg").write_text(Timeline(played).svg(), encoding="utf-8")

    click.echo("\nMeasured at the sound card:")
    for latency in latencies(played):
        click.echo(f"  {latency.text:>12}  {latency.name}")
    click.echo("\nChecks:")
    results = list(checks(played))
    for check in results:
        click.echo(f"  {'ok  ' if check.passed else 'FAIL'}  {check.what}")
    click.echo(f"\nLook at {out / 'timeline.svg'}, listen to {out / 'speaker.wav'} and {out / 'mic.wav'};")
    click.echo(f"the events are in {out / 'events.jsonl'}, the daemon's log in {out / 'speakerd.log'}.")
    failed = sum(not check.passed for check in results)
    click.echo(f"\n{closing(failed, len(results), os.getloadavg()[0], os.cpu_count() or 1)}")
    sys.exit(EXIT_FAILED if failed else EXIT_OK)


def closing(failed: int, checks: int, load: float, processors: int) -> str:
    """The last line; where the machine was too busy for a verdict, another one that says so."""
    if not failed:
        return f"VERDICT: passed, all {checks} checks"
    verdict = f"VERDICT: FAILED, {failed} of {checks} checks"
    if load <= processors:
        return verdict
    busy = f"load {load:.0f} on {processors} processors"
    return f"{verdict}\nThe machine is busy ({busy}), and sound may be lost: try again."


def _make_writable(folder: Path) -> None:
    """Make it if needed; SpeakerdError where nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "there is a file of that name" if isinstance(error, FileExistsError) else error.strerror
        raise SpeakerdError(f"--out {folder}: {reason}", hint="name a folder that can be written") from error


class Teller:
    """Prints the timeline as it happens."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._measured = ""

    def words(self, time_s: float, who: str, words: str) -> None:
        """Someone speaks."""
        self._line(time_s, f"{who + ':':<10} {words}")

    def event(self, event: Happening) -> None:
        """What is worth a line of what the daemon noted."""
        figures = ", ".join(f"{name} {value:.0f}" for name, value in event.items() if name.endswith("_ms"))
        match event["event"]:
            case "StateChanged":
                self._line(event["t"], f"{'state:':<10} {event['from']} → {event['state']}")
            case "Said":
                self._line(event["t"], f"{'hears:' if event['role'] == 'user' else 'assistant:':<10} {event['text']}")
            case "WakeDetected":
                self._line(event["t"], f"{'wake:':<10} {event['word']}, score {event['score']:.2f}")
            case name if figures and figures != self._measured:  # some are told twice: as they happen, to the journal
                self._measured = figures
                self._line(event["t"], f"{'measured:':<10} {event.get('kind', name)}: {figures}")

    def _line(self, time_s: float, text: str) -> None:
        click.echo(f"{time_s - self._start_s:7.2f} s  {text}")
        sys.stdout.flush()


def _save(path: Path, recording: Recording) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(recording.rate_hz)
        file.writeframes(to_bytes(recording.samples))
