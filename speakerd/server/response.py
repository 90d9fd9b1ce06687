"""One response: from `response.created` to `response.done`, its words spoken sentence by sentence. Pure.

`tick` sends the sound that is due, `deadline_s` tells when the next is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence

from speakerd.pcm import Samples
from speakerd.server.effects import Outbox
from speakerd.server.history import History, Item
from speakerd.server.options import ResponseOptions, format_json
from speakerd.server.pacing import SpeechQueue
from speakerd.server.settings import Json
from speakerd.server.usage import ASSISTANT_TOKENS_PER_S, InputTokens, audio_tokens, text_tokens
from speakerd.server.wits.heard import Call

QUEUE_MS = 5_000
"""The next sentence is synthesised once less than this waits to be sent."""


class Response:
    """Made by the session, which also decides what it says. `on_done` is called once, at its end."""

    def __init__(
        self,
        outbox: Outbox,
        options: ResponseOptions,
        history: History,
        input_tokens: InputTokens,
        on_done: Callable[[Response, float], None],
    ) -> None:
        self.id = outbox.new_id("resp")
        self.options = options
        self.planned = False
        """True once it was decided what to say."""
        self.done = False
        self.ends_playing_s = 0.0
        """When a client that plays at once hears its end; 0 if there was no sound."""
        self._outbox = outbox
        self._history = history
        self._input_tokens = input_tokens
        self._on_done = on_done
        self._status: Json = {"status": "in_progress", "status_details": None}
        self._item: Item | None = None
        self._output: list[Item] = []
        self._sentences: list[str] = []
        self._calls: tuple[Call, ...] = ()
        self._all_known = False
        self._source = 0
        self._job = 0
        self._queue = SpeechQueue(options.format)
        self._said = ""
        outbox.event("response.created", response=self.wire())

    @property
    def deadline_s(self) -> float | None:
        """When `tick` has something to send; None while it waits for words or the voice."""
        return None if self.done else self._queue.due_s

    def wire(self) -> Json:
        """The response object."""
        o = self.options
        sound = {"output": {"format": format_json(o.format), "voice": o.voice}} if o.audio else {}
        return {
            "object": "realtime.response",
            "id": self.id,
            **self._status,
            "output": [item.wire for item in self._output],
            "conversation_id": o.conversation_id,
            "output_modalities": ["audio" if o.audio else "text"],
            "max_output_tokens": o.max_output_tokens,
            "audio": sound,
            "usage": self._input_tokens.usage(*self._output_tokens()) if self.done else None,
            "metadata": o.metadata,
        }

    def say(self, text: str, now_s: float, calls: Sequence[Call] = ()) -> None:
        """Answer with words, and call functions after them; neither makes an empty, completed response."""
        for sentence in sentences(text):
            self.add(sentence, now_s)
        self.end(now_s, calls)

    def add(self, sentence: str, now_s: float) -> None:
        """Say one sentence more; `end` follows."""
        self.planned = True
        if self.done:
            return
        if self._item is None:
            self._begin_message()
        self._sentences.append(sentence)
        if self.options.audio:
            self._ask_for_more()
        else:
            self._announce(self._sentences.pop(0), now_s)

    def end(self, now_s: float, calls: Sequence[Call] = ()) -> None:
        """No words follow; the functions are called when all was said."""
        self.planned = True
        self._calls = tuple(calls)
        self._all_known = True
        self._finish_if_said(now_s)

    def wait_for(self, job: int) -> None:
        """Words will come from that job; it is dropped with this response."""
        self.planned = True
        self._source = job

    def _begin_message(self) -> None:
        self._begin_item({"type": "message", "role": "assistant", "content": []})
        kind = "audio" if self.options.audio else "text"
        empty = {"transcript": ""} if self.options.audio else {"text": ""}
        self._event("response.content_part.added", content_index=0, part={"type": kind, **empty})

    def _complete(self, now_s: float) -> None:
        """All words were said: call what is to be called, and end."""
        for call in self._calls:
            if self._item is not None:
                self._end_item("completed")
            self._call(call)
        self.finish("completed", now_s)

    def _call(self, call: Call) -> None:
        named = {"call_id": self._outbox.new_id("call"), "name": call.name}
        item = self._begin_item({"type": "function_call", **named, "arguments": ""})
        for start in range(0, len(call.arguments), 12):
            delta = call.arguments[start : start + 12]
            self._event("response.function_call_arguments.delta", call_id=named["call_id"], delta=delta)
        item.wire["arguments"] = call.arguments
        self._event("response.function_call_arguments.done", **named, arguments=call.arguments)

    def tick(self, now_s: float) -> None:
        """Send the sound that is due."""
        while (due_s := self.deadline_s) is not None and due_s <= now_s:
            self._send_chunk(now_s)

    def cancel(self, reason: str, now_s: float) -> None:
        """Stop: `turn_detected` or `client_cancelled`."""
        self.finish("cancelled", now_s, reason=reason)

    def fail(self, message: str, now_s: float) -> None:
        """Stop because a part of this server broke."""
        self.finish("failed", now_s, error={"type": "server_error", "code": "server_error", "message": message})

    def finish(self, status: str, now_s: float, *, reason: str | None = None, error: Json | None = None) -> None:
        """Close what is open, in the order of the service, and send `response.done`."""
        if self.done:
            return
        self.done = True
        self._outbox.forget(self._job)
        self._outbox.forget(self._source)
        self._queue.clear()
        if self._item is not None:
            self._end_item("completed" if status == "completed" else "incomplete")
        details: Json = {"type": status, "reason": reason, "error": error}
        details = {key: value for key, value in details.items() if value is not None}
        self._status = {"status": status, "status_details": None if status == "completed" else details}
        self._outbox.event("response.done", response=self.wire())
        self._on_done(self, now_s)

    def _begin_item(self, wire: Json) -> Item:
        item_id = self._outbox.new_id("item")
        wire = {"id": item_id, "object": "realtime.item", "status": "in_progress", **wire}
        item = Item(wire, format=self.options.format)
        self._item = item
        self._output.append(item)
        before = self._history.add(item) if self._in_conversation else None
        self._outbox.event("response.output_item.added", response_id=self.id, output_index=self._index, item=wire)
        if self._in_conversation:
            self._outbox.event("conversation.item.added", previous_item_id=before, item=wire)
        if wire["type"] == "message":
            # Announced without content, as the service does; from here on it has a part that can be truncated.
            part = (
                {"type": "output_audio", "transcript": ""}
                if self.options.audio
                else {"type": "output_text", "text": ""}
            )
            wire["content"] = [part]
        return item

    def _end_item(self, item_status: str) -> None:
        assert self._item is not None
        wire = self._item.wire
        wire["status"] = item_status
        if wire["type"] == "message":
            part = wire["content"][0]
            if self.options.audio:
                transcript = part.get("transcript", "")
                self._event("response.output_audio.done", content_index=0)
                self._event("response.output_audio_transcript.done", content_index=0, transcript=transcript)
                done = {"type": "audio", "transcript": transcript}
            else:
                self._event("response.output_text.done", content_index=0, text=part["text"])
                done = {"type": "text", "text": part["text"]}
            self._event("response.content_part.done", content_index=0, part=done)
        before = None
        if self._in_conversation:
            items = self._history.items
            place = next((i for i, item in enumerate(items) if item is self._item), 0)
            before = items[place - 1].id if place else None
        self._outbox.event("response.output_item.done", response_id=self.id, output_index=self._index, item=wire)
        if self._in_conversation:
            self._outbox.event("conversation.item.done", previous_item_id=before, item=wire)

    def _ask_for_more(self) -> None:
        if self._job or not self._sentences or self._queue.waiting_ms >= QUEUE_MS:
            return
        o = self.options
        self._job = self._outbox.speak(self._sentences[0], o.format.rate_hz, o.speed, self._spoken)

    def _spoken(self, result: Samples | Exception, now_s: float) -> None:
        self._job = 0
        if self.done:
            return
        if isinstance(result, Exception):
            self.fail("The voice failed.", now_s)
            return
        self._queue.put(self._sentences.pop(0), self.options.format.encode(result), now_s)
        self.tick(now_s)
        self._ask_for_more()
        self._finish_if_said(now_s)

    def _send_chunk(self, now_s: float) -> None:
        item = self._item
        assert item is not None
        words, chunk = self._queue.take()
        for sentence in words:
            self._announce(sentence, now_s)
        item.add_audio(chunk)
        self.ends_playing_s = max(now_s, self._queue.started_s + item.audio_ms / 1000)
        self._event("response.output_audio.delta", content_index=0, delta=base64.b64encode(chunk).decode("ascii"))
        if self._output_tokens()[1] >= self._token_limit:
            self.finish("incomplete", now_s, reason="max_output_tokens")
            return
        self._ask_for_more()
        self._finish_if_said(now_s)

    def _announce(self, sentence: str, now_s: float) -> None:
        """The words of a sentence, just before its sound."""
        assert self._item is not None
        delta = f" {sentence}" if self._said else sentence
        self._said += delta
        part = self._item.wire["content"][0]
        if self.options.audio:
            part["transcript"] = self._said
            self._event("response.output_audio_transcript.delta", content_index=0, delta=delta)
            return
        part["text"] = self._said
        self._event("response.output_text.delta", content_index=0, delta=delta)
        if self._output_tokens()[0] >= self._token_limit:
            self.finish("incomplete", now_s, reason="max_output_tokens")

    def _finish_if_said(self, now_s: float) -> None:
        waits = self._queue.waiting_ms or self._sentences or self._job
        if self._all_known and not waits and not self.done:
            self._complete(now_s)

    def _event(self, kind: str, **fields: object) -> None:
        assert self._item is not None
        self._outbox.event(kind, response_id=self.id, item_id=self._item.id, output_index=self._index, **fields)

    @property
    def _index(self) -> int:
        """Place of the current item in the output."""
        return len(self._output) - 1

    @property
    def _in_conversation(self) -> bool:
        return self.options.conversation_id is not None

    @property
    def _token_limit(self) -> float:
        limit = self.options.max_output_tokens
        return limit if isinstance(limit, int) else float("inf")

    def _output_tokens(self) -> tuple[int, int]:
        """(text, audio) tokens so far."""
        calls = "".join(str(i.wire.get("name", "")) + str(i.wire.get("arguments", "")) for i in self._output)
        audio_ms = sum(item.audio_ms for item in self._output)
        return text_tokens(self._said + calls), audio_tokens(audio_ms, ASSISTANT_TOKENS_PER_S)


def sentences(text: str) -> list[str]:
    """The sentences of a text, so that the voice can begin with the first."""
    return [part for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part]
