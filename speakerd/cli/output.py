"""Text on standard output, whatever that is."""

from __future__ import annotations

import sys

import click


def say(text: str) -> None:
    """Print, with escapes for what the terminal's character set lacks: click sends UTF-8 to one that knows ASCII."""
    encoding = (sys.stdout and sys.stdout.encoding) or "ascii"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding))
