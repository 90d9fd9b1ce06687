"""The time of day, as the user's clock on the wall shows it: the one place that reads it.

For bills, receipts and "what time is it" alone. It jumps with summer time, corrections and journeys; whatever
waits or measures uses CLOCK_MONOTONIC.
"""

from __future__ import annotations

import time
from datetime import datetime


def local_now() -> datetime:
    """Now, with the offset from UTC that holds here and now. Thread-safe."""
    time.tzset()  # a time zone that was changed meanwhile is not noticed else
    return datetime.now().astimezone()
