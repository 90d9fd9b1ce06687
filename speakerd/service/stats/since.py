"""A point in the past, as people write it. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

EXPECTED = "today, yesterday, 7d, 12h, 2026-11-20 or '2026-11-20 18:30'"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def point(text: str, now: datetime) -> datetime:
    """When that was, in the time zone of `now`. Raises ValueError.

    `7d`, `today` and dates begin at midnight.
    """
    try:
        return _point(text.strip().lower(), now)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no point in time: {text!r}") from error


def _point(word: str, now: datetime) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if word == "today":
        return midnight
    if word == "yesterday":
        return midnight - timedelta(days=1)
    if found := re.fullmatch(r"(\d{1,6})\s*([mhdw])\w*(?:\s+ago)?", word):
        return (midnight if found[2] in "dw" else now) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    when = datetime.fromisoformat(word)
    return when if when.tzinfo is not None else when.replace(tzinfo=now.tzinfo)
