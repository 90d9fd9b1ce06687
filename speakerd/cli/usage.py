"""`speakerd usage`: what it cost, and what was sent, from the ledger."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from speakerd.cli.output import say
from speakerd.config.mistakes import listed
from speakerd.errors import SpeakerdError
from speakerd.purse.account import ledger_folder
from speakerd.purse.ledger import Reading, months, read
from speakerd.purse.report import WAYS, By, as_json, models_without_price, rows, table

SERVICE_FOLDER = Path("/var/lib/speakerd/usage")
"""Where the daemon keeps it as a systemd service."""


@click.command("usage")
@click.option("--by", type=click.Choice(WAYS), default="day", show_default=True, help="What to add up.")
@click.option("--last", type=click.IntRange(1), default=31, show_default=True, help="Rows to show, the newest.")
@click.option("--json", "as_json_text", is_flag=True, help="One JSON object, all rows, US dollars exact.")
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="Folder of the ledger, if it is not where it usually is."
)
def command(by: By, last: int, as_json_text: bool, ledger: Path | None) -> None:
    """Add up the ledger: conversations, tokens, sound and bytes sent and received, US dollars.

    \b
    By conversation, only this month and the last are known.
    """
    if ledger is not None and not ledger.exists():
        raise SpeakerdError(
            f"the ledger {ledger} is not there", hint="name its folder; without --ledger, the usual one"
        )
    folder = ledger or _usual_folder()
    reading = _read(folder)
    found = rows(reading.entries, by)
    if as_json_text:
        content = {"by": by, "rows": [as_json(row) for row in found], "damaged_lines": reading.damaged}
        click.echo(json.dumps(content, ensure_ascii=False))
        return
    lines = table(found[-last:], by)
    if len(found) > last:
        lines += ["", f"The newest {last} of {len(found)} rows; --last N shows more."]
    if models := models_without_price(reading.entries):
        lines += ["", f"Without a known price: {listed(models, 'and')}. Give it in the file of purse.prices."]
    say("\n".join(lines))
    if reading.damaged:
        click.echo(f"{reading.damaged} damaged lines of {folder} are not counted.", err=True)


def _usual_folder() -> Path:
    """The service's ledger, unless this user has one of their own."""
    own = ledger_folder(os.environ)
    try:
        return SERVICE_FOLDER if not months(own) and SERVICE_FOLDER.is_dir() else own
    except OSError:  # it is there, and not for us: reading it tells so
        return SERVICE_FOLDER


def _read(folder: Path) -> Reading:
    try:
        return read(folder)
    except OSError as error:
        hint = "as root: sudo speakerd usage" if isinstance(error, PermissionError) else "name its folder by --ledger"
        raise SpeakerdError(f"the ledger {folder} cannot be read: {error.strerror}", hint=hint) from error
