"""Who is examined: all that the checks need to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config

UNIT = "speakerd.service"


@dataclass(frozen=True, slots=True)
class Patient:
    """One speaker."""

    config: Config
    key: ApiKey | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    root: Path = Path("/")
    """Where `proc`, `sys` and `etc` are."""
    unit: str = UNIT
    config_name: str = "The configuration"
    mistakes: tuple[str, ...] = ()
    """Of its file; then `config` is the defaults."""
    key_hidden: bool = False
    """It is stored where this user may not look."""
