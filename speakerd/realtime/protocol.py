"""One Realtime session without its socket: text in → events and audio, calls → text out. Pure.

Owned by the loop. `receive` and the verbs append to an outbox that the caller empties with
`take_outgoing` after each call. A used protocol is never used for another socket.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from speakerd.conversation import events as ev
from speakerd.pcm import BYTES_PER_SAMPLE, WIRE_RATE_HZ
from speakerd.realtime import messages as msg
from speakerd.realtime.messages import Json
from speakerd.realtime.settings import disagreements

FATAL_ERRORS = frozenset(
    {
        "invalid_api_key",
        "insufficient_quota",
        "inference_rate_limit_exceeded",
        "session_expired",
        "beta_api_shape_disabled",
        "model_not_found",
    }
)
"""After these the session is of no use. Looked for in `code` and in `type`: servers differ."""

TOLERATED = (
    "audio.output.voice",
    "audio.input.noise_reduction",
    "audio.input.transcription",
    "audio.input.turn_detection.threshold",
    "audio.input.turn_detection.prefix_padding_ms",
    "audio.input.turn_detection.silence_duration_ms",
)
"""What a compatible server may do in its own way; we can live with that, and say so."""

REMEMBERED_ITEMS = 64
"""Assistant items whose received length is kept, for truncation: far more than one reply holds."""


@dataclass(frozen=True, slots=True)
class ItemAudio:
    """Assistant's voice for the loudspeaker: int16 mono 24 kHz bytes."""

    item_id: str
    pcm: bytes


@dataclass(frozen=True, slots=True)
class VoiceComplete:
    """No more audio comes for the response that plays."""


@dataclass(frozen=True, slots=True)
class Said:
    """A transcript, for observers only: the assistant's always, the user's where the session asks for it."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Fatal:
    """The session is of no use any more; the socket is to be closed."""

    code: str
    message: str


Delivery: TypeAlias = ev.Event | ItemAudio | VoiceComplete | Said
"""What leaves the wire for the rest of the daemon."""

Output: TypeAlias = Delivery | Fatal


@dataclass(slots=True)
class _Item:
    content_index: int
    received_bytes: int = 0

    @property
    def received_ms(self) -> int:
        return self.received_bytes // BYTES_PER_SAMPLE * 1000 // WIRE_RATE_HZ


@dataclass(slots=True)
class _Response:
    response_id: str
    cancelled: bool = False
    audio_bytes: int = 0


class RealtimeProtocol:
    """The state of one session."""

    def __init__(self, session: int, settings: Json) -> None:
        """`settings` as made by `settings.session_settings`."""
        self._session = session
        self._settings = settings
        self._outbox: list[str] = []
        self._configured = False
        self._active: _Response | None = None
        self._cancel_next = False
        self._create_when_done = False
        self._items: dict[str, _Item] = {}
        self.liberties: tuple[str, ...] = ()
        """Paths of the session's settings that the server took in its own way."""
        self.counts: Counter[str] = Counter()
        """Messages by what became of them: `unknown/TYPE`, `unreadable`, `late_delta`, `error/CODE`, …"""

    # ------------------------------------------------------------ out

    def take_outgoing(self) -> list[str]:
        """The text frames to send now, in order; the outbox is empty afterwards."""
        out, self._outbox = self._outbox, []
        return out

    def connected(self) -> None:
        """The socket is open: ask for the session that we want."""
        self._outbox.append(msg.session_update(self._settings))

    def append_audio(self, pcm: bytes) -> None:
        """Microphone sound: int16 mono 24 kHz. Before SessionReady it must not be called."""
        if not self._configured:
            raise RuntimeError("sound before the session was agreed")
        self._outbox.append(msg.audio_append(pcm))

    def cancel(self, response_id: str | None) -> None:
        """Stop a response and drop its later audio; None: the one that is about to begin, if any."""
        active = self._active
        if active is None or active.cancelled or response_id not in (None, active.response_id):
            self._cancel_next = response_id is None
        else:
            self._cancel(active)

    def truncate(self, items: tuple[ev.ItemHeard, ...]) -> None:
        """Tell the server what was heard of items that were cut; what nobody heard is deleted."""
        for heard in items:
            item = self._items.get(heard.item_id)
            if item is None:
                self.counts["truncate_unknown_item"] += 1
                continue
            end_ms = min(heard.heard_ms, heard.received_ms, item.received_ms)
            if end_ms > 0:
                self._outbox.append(msg.item_truncate(heard.item_id, item.content_index, end_ms))
            else:
                self._outbox.append(msg.item_delete(heard.item_id))

    # ------------------------------------------------------------ in

    def receive(self, text: str) -> list[Output]:
        """One text frame of the server; what it means to us."""
        try:
            message = msg.parse(text)
        except msg.UnreadableError:
            self.counts["unreadable"] += 1
            return []
        match message:
            case msg.SessionUpdated(session):
                return self._on_session(session)
            case msg.SpeechStarted():
                return [ev.UserSpeechStarted(self._session)]
            case msg.SpeechStopped():
                self._cancel_next = False  # a new turn: what it brings is wanted
                return [ev.UserSpeechStopped(self._session)]
            case msg.Committed():
                self._cancel_next = False
                return []
            case msg.ResponseCreated(response_id):
                return self._on_response(response_id)
            case msg.AudioDelta():
                return self._on_delta(message)
            case msg.Transcript(role, _, said):
                return [Said(role, said)]
            case msg.ResponseDone():
                return self._on_done(message)
            case msg.ServerError():
                return self._on_error(message)
            case msg.Unknown(kind):
                self.counts[f"unknown/{kind}"[:80]] += 1
                return []
            case _:
                assert_never(message)

    def _on_session(self, granted: Json) -> list[Output]:
        if self._configured:
            return []
        different = list(disagreements(self._settings, granted))
        self.liberties = tuple(path for path in different if path.startswith(TOLERATED))
        wrong = [path for path in different if path not in self.liberties]
        if wrong:
            return [Fatal("session_mismatch", f"the server did not accept: {', '.join(wrong)}")]
        self._configured = True
        return [ev.SessionReady(self._session)]

    def _on_response(self, response_id: str) -> list[Output]:
        self._active = _Response(response_id)
        if self._cancel_next:
            self._cancel_next = False
            self.counts["orphan_cancelled"] += 1
            self._cancel(self._active)
            return []
        return [ev.ResponseStarted(self._session, response_id)]

    def _cancel(self, response: _Response) -> None:
        response.cancelled = True
        self._outbox.append(msg.response_cancel(response.response_id))

    def _on_delta(self, delta: msg.AudioDelta) -> list[Output]:
        active = self._active
        if active is None or active.response_id != delta.response_id or active.cancelled:
            self.counts["late_delta"] += 1
            return []
        if not delta.pcm:
            return []
        item = self._items.get(delta.item_id)
        if item is None:
            item = self._items[delta.item_id] = _Item(delta.content_index)
            while len(self._items) > REMEMBERED_ITEMS:
                del self._items[next(iter(self._items))]
        item.received_bytes += len(delta.pcm)
        active.audio_bytes += len(delta.pcm)
        return [ItemAudio(delta.item_id, delta.pcm)]

    def _on_done(self, done: msg.ResponseDone) -> list[Output]:
        active = self._active
        if active is None or active.response_id != done.response_id:
            self.counts["stale_done"] += 1
            return []
        self._active = None
        if self._create_when_done:
            self._create_when_done = False
            self._outbox.append(msg.response_create())
        if active.cancelled:
            self._forget_unheard(done)
        audio_ms = active.audio_bytes // BYTES_PER_SAMPLE * 1000 // WIRE_RATE_HZ
        ended = ev.ResponseEnded(self._session, done.response_id, done.status, audio_ms, done.reason)
        if done.reason in FATAL_ERRORS:
            return [Fatal(done.reason, done.message)]  # the end of the session says it all
        return [VoiceComplete(), ended] if not active.cancelled else [ended]

    def _forget_unheard(self, done: msg.ResponseDone) -> None:
        """Items of a cancelled response of which no sound reached the loudspeaker: nobody heard them."""
        for item_id in done.message_items:
            if item_id not in self._items:
                self._outbox.append(msg.item_delete(item_id))

    def _on_error(self, error: msg.ServerError) -> list[Output]:
        code = error.code or error.kind
        self.counts[f"error/{code}"[:80]] += 1
        if error.code in FATAL_ERRORS or error.kind in FATAL_ERRORS:
            return [Fatal(code, error.message)]
        if not self._configured:
            return [Fatal(code or "session_refused", error.message)]
        if "conversation_already_has_active_response" in (error.code, error.kind):
            self._create_when_done = self._active is not None  # the turn still wants its answer
        return []  # any other error is an answer to a race that was lost: counted, and the session goes on
