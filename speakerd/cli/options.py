"""Options that are settings: held against the configuration's own rules."""

from __future__ import annotations

from collections.abc import Mapping

import click

from speakerd.config.load import read
from speakerd.config.model import Config


def checked(section: str, parts: Mapping[str, str]) -> Config:
    """The configuration of nothing but these keys of `section`. Raises UsageError in the words of `speakerd check`."""
    reading = read(None, {f"SPEAKERD_{section}__{name}".upper(): value for name, value in parts.items()})
    if reading.config is not None:
        return reading.config
    wrong = (f"--{m.key.removeprefix(f'{section}.').replace('_', '-')}: {m.text}" for m in reading.mistakes)
    raise click.UsageError("\n".join(wrong))
