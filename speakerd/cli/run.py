"""`speakerd run`: the daemon, in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from speakerd.app import run
from speakerd.config.credentials import api_key
from speakerd.config.load import load
from speakerd.service.journal import setup_logging


@click.command("run")
@click.option("--config", type=click.Path(path_type=Path), help="YAML file; without it, defaults and environment.")
@click.option("--events", type=click.Path(path_type=Path), help="Append every event as a line of JSON to this file.")
def command(config: Path | None, events: Path | None) -> None:
    """Listen for the wake word and hold conversations."""
    settings = load(config, os.environ)
    setup_logging(settings.log.level)
    asyncio.run(run(settings, api_key(os.environ), events))
