"""`speakerd check`: every mistake in a configuration, or what it comes to."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import click

from speakerd.cli.output import say
from speakerd.config.credentials import CREDENTIAL, VARIABLE, api_key
from speakerd.config.load import read
from speakerd.config.mistakes import masked, printable
from speakerd.config.model import Config
from speakerd.errors import EXIT_CONFIG, ConfigError
from speakerd.purse.pricelist import load_prices
from speakerd.realtime.address import asked_model, is_private
from speakerd.server.voice import make_voice
from speakerd.speaker.sounds import load_earcons

OPENAI_HOST = "api.openai.com"

WHERE_KEYS_GO = f"systemd credential {CREDENTIAL}, or environment variable {VARIABLE}"


@click.command("check")
@click.option(
    "--config", type=click.Path(readable=False, path_type=Path), help="YAML file; without it, defaults and environment."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file, for editors, and check nothing.")
def command(config: Path | None, schema: bool) -> None:
    """Print every mistake (exit status 78), or the settings that matter most (0)."""
    if schema:
        say(json.dumps(Config.model_json_schema(), indent=2))
        return
    reading = read(config, os.environ)
    lines = reading.lines()
    name = printable(str(config)) if config is not None else "defaults"
    key_note = ""
    try:
        key_note = _key_note(reading.config or Config(), os.environ)
        if reading.config is not None:
            load_earcons(reading.config.sounds)
            load_prices(reading.config.purse.prices)
            _require_piper(reading.config)
    except ConfigError as error:
        lines.append(str(error))
    if reading.config is None or lines:
        say("\n".join(lines))
        sys.exit(EXIT_CONFIG)
    say("\n".join([f"{name}: ok", *_summary(reading.config), key_note]))


def _require_piper(config: Config) -> None:
    """Raises ConfigError if piper is asked for, and the daemon would not start for want of it."""
    if config.server.piper_model and "embedded" in (config.realtime.url, config.realtime.fallback):
        make_voice(config.server)


def _summary(config: Config) -> Iterator[str]:
    """What the daemon would do, one line a subject."""
    audio, realtime = config.audio, config.realtime
    yield f"microphone: {_shown(audio.capture_device)}, {audio.capture_rate_hz} Hz, channel {audio.capture_channel}"
    yield f"loudspeaker: {_shown(audio.playback_device)}, {audio.playback_rate_hz} Hz"
    words = (f"{_shown(word.model)} (threshold {word.threshold:g})" for word in config.wake.words)
    yield f"wake words: {', '.join(words)}"
    if realtime.url == "embedded":
        yield "service: the embedded server, no network"
    else:
        model = asked_model(realtime.url, realtime.model)
        yield f"service: {_shown(realtime.url)}, model {_shown(model)}, voice {_shown(realtime.voice)}"
        if realtime.fallback == "embedded":
            yield "while it cannot be reached: the embedded server"
    yield f"interruption by: {config.conversation.barge_in.replace('_', ' ')}"


def _shown(text: str) -> str:
    """`text` as it may stand on a terminal."""
    return printable(masked(text))


def _key_note(config: Config, environ: Mapping[str, str]) -> str:
    """Whether there is a key; never the key. Raises ConfigError for one that cannot be used."""
    key = api_key(environ)
    url = config.realtime.url
    if key is not None:
        unsent = "" if url == "embedded" or is_private(url) else "; not sent, because ws:// to another machine is open"
        return f"API key: found in {key.source}{unsent}"
    if urlsplit(url).hostname == OPENAI_HOST:
        return f"API key: warning: none found, and {OPENAI_HOST} needs one ({WHERE_KEYS_GO})"
    return f"API key: none found; that is fine if the server needs none ({WHERE_KEYS_GO})"
