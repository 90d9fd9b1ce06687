"""`speakerd stats`: how fast it answered and what went wrong, day by day, read back from the journal."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from speakerd.service.stats import eventsfile
from speakerd.service.stats.report import as_json, tables
from speakerd.service.stats.since import EXPECTED, point
from speakerd.service.stats.tally import Tally, Told
from speakerd.wallclock import local_now

UNIT = "speakerd.service"


def _since(_ctx: click.Context, _parameter: click.Parameter, text: str) -> datetime:
    try:
        return point(text, local_now())
    except ValueError as error:
        raise click.BadParameter(f"found {text!r}, expected {EXPECTED}") from error


@click.command("stats")
@click.option("--since", default="6d", show_default=True, callback=_since, help=f"Begin there: {EXPECTED}.")
@click.option("--json", "as_json_text", is_flag=True, help="One JSON object.")
@click.option("--unit", default=UNIT, show_default=True, help="The service whose entries are read; '' for any.")
@click.option("--journal", type=click.Path(path_type=Path), help="Folder of journal files, if not this machine's.")
@click.option("--events", type=click.Path(path_type=Path), help="Read this file of `speakerd run --events` instead.")
def command(since: datetime, as_json_text: bool, unit: str, journal: Path | None, events: Path | None) -> None:
    """Add up what the daemon told the journal: p50 and p95 of each turn's times, counts, faults, costs.

    \b
    What is counted is told with log.level info or debug.
    """
    tally = Tally()
    for told in _entries(since, unit, journal, events):
        tally.add(told)
    if as_json_text:
        click.echo(json.dumps({"since": since.isoformat(), **as_json(tally)}))
    elif tally.entries:
        click.echo("\n".join(tables(tally)))
    else:
        click.echo(_nothing(since, unit, journal, events))


def _entries(since: datetime, unit: str, folder: Path | None, events: Path | None) -> Iterator[Told]:
    if events is not None:
        return eventsfile.read(events, since)
    from speakerd.service import journalreader  # libsystemd only where there is a journal to be read

    return journalreader.read(since, unit, folder)


def _nothing(since: datetime, unit: str, folder: Path | None, events: Path | None) -> str:
    """What was looked for and not found, and what that may be due to."""
    when = f"since {since:%Y-%m-%d %H:%M}"
    if events is not None:
        return f"No entries: {events} has no line that counts {when}. Is it a file of `speakerd run --events`?"
    where = f"the journal files in {folder}" if folder else "the journal"
    whose = f" of {unit}" if unit else ""
    lines = [f"No entries: {where} has none{whose} {when}", "with a SPEAKERD_EVENT that is counted."]
    if folder is None:
        lines.append("Did it run then (`systemctl status speakerd`)? Is log.level info or debug?")
        if os.geteuid() != 0:
            lines.append("You may not be allowed to see them: sudo speakerd stats")
    return "\n".join(lines)
