"""What we say to the server, as text frames. Pure.

An `event_id` goes along where an error about the message must be told from others.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from speakerd.realtime.reader import Json


def session_update(session: Json) -> str:
    """Configure the session."""
    return _dump("session.update", session=session)


def audio_append(pcm: bytes) -> str:
    """Microphone sound: int16 mono 24 kHz."""
    return _dump("input_audio_buffer.append", audio=base64.b64encode(pcm).decode("ascii"))


def response_create(response: Json, event_id: str) -> str:
    """Ask for an answer; an empty `response` means: as the session says."""
    return _dump("response.create", event_id=event_id, **({"response": response} if response else {}))


def response_cancel(response_id: str) -> str:
    """Stop this response."""
    return _dump("response.cancel", response_id=response_id)


def item_truncate(item_id: str, content_index: int, audio_end_ms: int) -> str:
    """Cut an assistant item to what was heard."""
    return _dump("conversation.item.truncate", item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms)


def item_delete(item_id: str) -> str:
    """Remove an item that nobody heard."""
    return _dump("conversation.item.delete", item_id=item_id)


def message_item(role: str, text: str) -> str:
    """Add what was said before, by `user`, `assistant` or `system`, as text."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text}]
    return _dump("conversation.item.create", item={"type": "message", "role": role, "content": content})


def tool_output(call_id: str, output_text: str) -> str:
    """Add what a function gave."""
    item = {"type": "function_call_output", "call_id": call_id, "output": output_text}
    return _dump("conversation.item.create", item=item)


def refusal(request_id: str) -> str:
    """Say no to the question whether a tool of an MCP server may be called."""
    answer = {"type": "mcp_approval_response", "id": f"no_{request_id}"[:32], "approval_request_id": request_id}
    return _dump("conversation.item.create", item={**answer, "approve": False, "reason": "nobody can be asked"})


def _dump(kind: str, **fields: Any) -> str:  # noqa: ANN401 - values of JSON
    text = json.dumps({"type": kind, **fields}, separators=(",", ":"), ensure_ascii=False)
    # Half a character cannot be sent: what plug-ins say and give may hold some.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
