"""What is written down and counted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from speakerd.config.model.section import Section


class Purse(Section):
    """What it may cost."""

    limit_per_day_usd: float = Field(0.0, ge=0.0, le=100_000.0)
    """From this sum on no further conversation begins until midnight, US dollars; 0 for no limit."""
    limit_per_month_usd: float = Field(0.0, ge=0.0, le=100_000.0)
    """From this sum on no further conversation begins until the first of the month, US dollars; 0 for no limit."""
    warn_at_percent: int = Field(80, ge=1, le=100)
    """Share of a limit, percent, at which the speaker says so, once."""
    prices: str = Field("", max_length=200)
    """YAML file with prices of one's own, laid over those that come with speakerd; empty for none."""


class Transcripts(Section):
    """What was said, in words, of the user and of the assistant. All off: no word is kept, none is asked for."""

    events: bool = False
    """Write it to the events file (`run --events FILE`), in pieces as it comes and as a whole."""
    journal: bool = False
    """Write it to the journal: an entry for each turn, with the words in its field SPEAKERD_TEXT."""
    in_messages: bool = False
    """With `journal`: also in the entry's message, which `journalctl` shows and other programs may copy."""


class Log(Section):
    """The journal, or the terminal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important entry that is written."""
