"""`speakerd setup`: asks for the key, finds the cards, examines all, starts the service. After script/install."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import click

from speakerd.cli.options import checked
from speakerd.config.credentials import VARIABLE, api_key
from speakerd.config.edit import with_text
from speakerd.config.load import load
from speakerd.config.model import Realtime
from speakerd.errors import EXIT_FAILED, ConfigError
from speakerd.hw.cards import Direction
from speakerd.installation import unit
from speakerd.installation.cards import Pair, Tried, candidates, clearest, try_all
from speakerd.installation.keystore import Keystore

CONFIG = Path("/etc/speakerd/speakerd.yaml")
EMBEDDED = "embedded"
OPENAI_HOST = "api.openai.com"


@click.command("setup")
@click.option(
    "--key-file", type=click.File("r", errors="replace"), help="Read the API key from this file; - is standard input."
)
@click.option("--embedded", is_flag=True, help="No key: the embedded server answers, offline.")
@click.option("--capture-device", default="", help="The microphone; without it, the one that hears the loudspeaker.")
@click.option("--playback-device", default="", help="The loudspeaker.")
@click.option("--no-listen", is_flag=True, help="Play nothing: leave the cards as they are configured.")
@click.option("--no-doctor", is_flag=True, help="Leave the examination out.")
@click.option("--no-start", is_flag=True, help="Leave the service as it is.")
@click.option("--config", type=click.Path(path_type=Path), default=CONFIG, show_default=True)
def command(
    key_file: TextIO | None,
    embedded: bool,
    capture_device: str,
    playback_device: str,
    no_listen: bool,
    no_doctor: bool,
    no_start: bool,
    config: Path,
) -> None:
    """Set up an installed speaker: its key, its sound cards, its service.

    Asks on a terminal what no option tells, elsewhere nothing. May be repeated: what it is not told anew stays.
    Exit status 1 if the service is not ready, or the examination found a problem.
    """
    if os.geteuid() != 0:
        raise click.ClickException("this needs root: sudo speakerd setup")
    if embedded and key_file is not None:
        raise click.UsageError("--embedded needs no --key-file")
    new_key = key_file.read() if key_file else ""
    if key_file is not None and not new_key.strip():
        raise click.UsageError("--key-file: found an empty file, expected the API key in it")
    devices = {"capture_device": capture_device, "playback_device": playback_device}
    checked("audio", {key: name for key, name in devices.items() if name})
    if not no_start and not unit.systemd_runs():
        hint = "with --no-start all else is set up; `sudo systemctl enable speakerd` starts it at the next boot"
        raise click.ClickException(f"systemd does not run here: {hint}")
    if not no_start and not unit.installed():
        raise click.ClickException("the service is not installed: sudo script/install, in a checkout of speakerd")
    load(config, {})  # before anything is changed: its mistakes are the user's to mend
    key = _choose_service(config, embedded=embedded, key=new_key)
    with contextlib.nullcontext() if no_start else _stopped():
        _choose_cards(config, capture_device, playback_device, listen=not no_listen)
        healthy = no_doctor or _examine(config, key)
    if no_start:
        return
    click.echo("Starting the service …")
    if trouble := unit.start():
        click.echo(trouble, err=True)
        raise click.ClickException("the service is enabled, but it is not ready; it goes on trying")
    word = load(config, {}).wake.words[0].model.replace("_", " ")
    click.echo(f'Ready. Say "{word}".' if not word.startswith("/") else "Ready.")
    if not healthy:
        sys.exit(EXIT_FAILED)


@contextlib.contextmanager
def _stopped() -> Iterator[None]:
    """The service holds the cards, so it is stopped. If this does not come to its end, it goes on as it did."""
    if not unit.runs():
        yield
        return
    click.echo("The service is stopped meanwhile: it holds the sound cards.")
    for number in (signal.SIGHUP, signal.SIGTERM):  # a connection that is lost, too
        signal.signal(number, lambda *_: sys.exit(EXIT_FAILED))
    try:
        unit.stop()
        yield
    except BaseException:
        unit.go_on()
        click.echo("\nThe service is started again.", err=True)
        raise


# ------------------------------------------------------------ the service that answers


def _choose_service(config: Path, *, embedded: bool, key: str) -> str:
    """Settle who answers, and store the key; the key if it was told just now."""
    store, url = Keystore(), load(config, {}).realtime.url
    if not (embedded or key.strip()) and sys.stdin.isatty():
        click.echo("Who is to answer? Paste a key of the OpenAI API (it is not shown).")
        kept = "what is set up now" if store.has_key or url == EMBEDDED else "the embedded server, offline: no key"
        key = click.prompt(f"Key, or Enter for {kept}", default="", hide_input=True, show_default=False)
        embedded = not key.strip() and not store.has_key
    if embedded:
        _write(config, "realtime", "url", EMBEDDED)
        click.echo("The embedded server answers: offline, in simple words, without a key.")
        return ""
    if not key.strip():
        if urlsplit(url).hostname == OPENAI_HOST and not store.has_key:
            raise click.UsageError("no key is stored yet: --key-file FILE, or --embedded")
        return ""
    try:
        checked = api_key({VARIABLE: key})
    except ConfigError as error:
        raise ConfigError(f"the key{str(error).removeprefix(f'environment: {VARIABLE}')}") from None
    assert checked is not None
    try:
        click.echo(store.store(checked.reveal()))
    except OSError as error:
        raise click.ClickException(f"the key cannot be stored: {error}") from error
    if url == EMBEDDED:
        _write(config, "realtime", "url", Realtime().url)
    return checked.reveal()


# ------------------------------------------------------------ the cards


def _choose_cards(config: Path, capture: str, playback: str, *, listen: bool) -> None:
    """Settle the two cards, and write them down."""
    pair: Pair | None = None
    if listen and not (capture and playback):
        pair = _find(capture, playback)
    for key, name in (
        ("capture_device", capture or (pair.capture if pair else "")),
        ("playback_device", playback or (pair.playback if pair else "")),
    ):
        if name:
            _write(config, "audio", key, name)
    audio = load(config, {}).audio
    click.echo(f"Microphone: {audio.capture_device}. Loudspeaker: {audio.playback_device}.")


def _find(capture: str, playback: str) -> Pair | None:
    captures = [capture] if capture else candidates("capture")
    playbacks = [playback] if playback else candidates("playback")
    for names, what in ((captures, "microphone"), (playbacks, "loudspeaker")):
        if not names:
            click.echo(f"No {what} was found: is it plugged in? (speakerd devices)", err=True)
            return None
    click.echo(f"Playing short tones on each loudspeaker, listening with each microphone ({len(captures)}) …")
    tried = []
    for one in try_all(captures, playbacks):
        tried.append(one)
        click.echo(f"  {_told(one)}")
    best = clearest(tried)
    if best is not None and (not sys.stdin.isatty() or click.confirm("Take the clearest?", default=True)):
        return best.pair
    if sys.stdin.isatty():
        return Pair(_ask("capture", captures), _ask("playback", playbacks))
    if len(captures) == len(playbacks) == 1:
        click.echo(
            "It was not heard; is the volume 0, is a switch off? Taken all the same: there is no other.", err=True
        )
        return tried[0].pair
    click.echo("No microphone heard a loudspeaker: the cards stay as they are configured.", err=True)
    return None


def _told(tried: Tried) -> str:
    names = f"{tried.pair.playback} → {tried.pair.capture}"
    if tried.trouble:
        return f"{names}: {tried.trouble}"
    if tried.echo is None:
        return f"{names}: not heard"
    return f"{names}: heard, {tried.echo.level_dbfs:.0f} dBFS, {tried.echo.delay_ms:.0f} ms later"


def _ask(direction: Direction, names: Sequence[str]) -> str:
    click.echo("Microphones:" if direction == "capture" else "Loudspeakers:")
    for number, name in enumerate(names, 1):
        click.echo(f"  {number}  {name}")
    return names[click.prompt("Which", type=click.IntRange(1, len(names)), default=1) - 1]


# ------------------------------------------------------------ the rest


def _examine(config: Path, key: str) -> bool:
    """The doctor, in a process of its own; False if something is to be mended."""
    click.echo("Examining everything, ahead of the service's start …")
    environment = {**os.environ, **({VARIABLE: key} if key else {})}
    done = subprocess.run(
        (sys.executable, "-m", "speakerd", "doctor", "--before-start", "--config", str(config)),
        env=environment,
        check=False,
    )
    return done.returncode == 0


def _write(config: Path, section: str, key: str, value: str) -> None:
    """Change one value of the file, whole or not at all; owner and mode stay."""
    before = config.read_text("utf-8")
    after = with_text(before, section, key, value)
    if after == before:
        return
    config = config.resolve()  # a link stays one
    beside = config.with_name(config.name + ".new")
    try:
        beside.write_text(after, "utf-8")
        state = config.stat()
        os.chown(beside, state.st_uid, state.st_gid)
        beside.chmod(state.st_mode & 0o7777)
        beside.replace(config)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise click.ClickException(f"{config} cannot be changed: {error.strerror}") from error
