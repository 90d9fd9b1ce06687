"""`speakerd run`: the daemon, in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from speakerd.config.credentials import api_key
from speakerd.config.load import load
from speakerd.daemon import run
from speakerd.errors import EXIT_OK
from speakerd.service.journal import setup_logging
from speakerd.threads import Worker

LAST_RESORT_S = 2.7
"""A daemon that was told to stop has left after this, come what may. A clean stop takes less."""


@click.command("run")
@click.option(
    "--config", type=click.Path(readable=False, path_type=Path), help="YAML file; without it, defaults and environment."
)
@click.option("--events", type=click.Path(path_type=Path), help="Append every event as a line of JSON to this file.")
def command(config: Path | None, events: Path | None) -> None:
    """Listen for the wake word and hold conversations."""
    settings = load(config, os.environ)
    setup_logging(settings.log.level)
    read_again = lambda: load(config, os.environ)  # noqa: E731
    if not asyncio.run(run(settings, api_key(os.environ), events, _leave_in_time, read_again)):
        os._exit(EXIT_OK)  # the interpreter cannot clean up under a thread that hangs in a library


def _leave_in_time() -> None:
    """Arm the last resort.

    asyncio and the interpreter wait at their end for every call in the pool of threads, and nobody can cut
    short the look-up of a name whose server does not answer. By then all of ours has ended; the journal and
    the events file are written line by line, so nothing is left to flush.
    """
    Worker("last-resort", _leave, lambda *_: None).start()


def _leave(worker: Worker) -> None:
    worker.pause(LAST_RESORT_S)
    os._exit(EXIT_OK)
