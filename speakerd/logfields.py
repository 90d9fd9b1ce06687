"""What stands beside the sentence of a log entry, for machines. Pure: any part may use it.

    log.info("listening", extra=fields(event="SessionReady", state=State.LISTENING, latency_ms=12.5))

In the journal that becomes SPEAKERD_EVENT=SessionReady, SPEAKERD_STATE=LISTENING and SPEAKERD_LATENCY_MS=12.5.
`event` names the kind of entry: `service.message_ids` gives each its MESSAGE_ID, `docs/journal.md` lists them.
What was said, payloads and keys belong in neither sentence nor fields.
"""

from __future__ import annotations

NAME = "speakerd_fields"
"""Attribute of a `logging.LogRecord`."""


def fields(*, event: str, **values: object) -> dict[str, object]:
    """The `extra=` of a log call. Names are lower case with their unit; None values are left out."""
    return {NAME: {"event": event, **{name: value for name, value in values.items() if value is not None}}}


def fields_of(record: object) -> dict[str, object]:
    """What was given to a log call; empty if nothing was."""
    found = getattr(record, NAME, None)
    return found if isinstance(found, dict) else {}
