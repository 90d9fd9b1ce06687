"""What was said, in words: pieces, wholes, and the assistant's words as far as they were heard. Pure."""

from __future__ import annotations

from speakerd.realtime.incoming import Transcript
from speakerd.realtime.items import Items
from speakerd.realtime.outputs import Output, Said, SaidCut, SaidPartly, TranscriptionUsage
from speakerd.realtime.reader import Json, Reader, finite

MAX_SECONDS = 3_600.0
"""Of one turn; more is nonsense."""


def said(session: int, words: Transcript, items: Items) -> list[Output]:
    """What the server wrote down, for the observers. Remembers the assistant's words in `items`."""
    usage = [transcription_usage(session, words.item_id, words.usage)] if words.usage else []
    if words.role == "assistant":
        item = items.say(words.item_id, words.text, final=words.final)
        if item.heard_share is not None:  # it was cut: the rest was never heard
            return [SaidCut(words.item_id, item.heard_words)] if words.final else []
    if words.final:
        return [*usage, Said(words.role, words.text, words.item_id)]
    return [SaidPartly(words.role, words.item_id, words.text)]


def transcription_usage(session: int, item_id: str, usage: Json) -> TranscriptionUsage:
    """Tokens or seconds, as the server counts."""
    r = Reader(usage)
    details = r.lenient("input_token_details")
    audio = details.count("audio_tokens")
    return TranscriptionUsage(
        session,
        item_id,
        seconds=min(max(finite(usage.get("seconds")) or 0.0, 0.0), MAX_SECONDS),
        input_audio=audio,
        input_text=max(details.count("text_tokens"), r.count("input_tokens") - audio),
        output_text=r.count("output_tokens"),
    )
