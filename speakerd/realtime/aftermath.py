"""Why a response failed, and when asking again has a chance. Pure."""

from __future__ import annotations

from speakerd.realtime.incoming import ResponseDone
from speakerd.realtime.outputs import ResponseFailed
from speakerd.realtime.troubles import Trouble, retry_after_s, trouble_of


def failure(session: int, done: ResponseDone, rate_reset_s: float) -> ResponseFailed | None:
    """Why a response failed or is incomplete; None if it did not and is not.

    `rate_reset_s` is what the server last told about its limits.
    """
    if done.status not in ("failed", "incomplete"):
        return None
    trouble = trouble_of(done.code) or Trouble.SERVER_ERROR
    if trouble is Trouble.SERVER_ERROR and trouble_of(done.kind) is not None:
        trouble = trouble_of(done.kind) or trouble  # servers differ about which of the two they fill
    retry_s = (retry_after_s(done.message) or rate_reset_s) if trouble is Trouble.RATE_LIMITED else 0.0
    return ResponseFailed(session, done.response_id, trouble, done.code, done.kind, done.message, retry_s)
