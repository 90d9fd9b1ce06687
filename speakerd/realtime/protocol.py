"""One Realtime session without its socket: text in → events and audio, calls → text out. Pure.

Owned by the loop. `receive`, `tick` and the verbs append to an outbox that the caller empties with
`take_outgoing` after each call; `deadline_s` tells when to call `tick` next. Times are CLOCK_MONOTONIC
seconds. A used protocol is never used for another socket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import assert_never

from speakerd.conversation import events as ev
from speakerd.realtime import incoming as msg
from speakerd.realtime import outgoing, settings
from speakerd.realtime.aftermath import Aftermath, never_began
from speakerd.realtime.items import Items
from speakerd.realtime.outputs import Fatal, FirstAudio, ItemAudio, Output, SaidCut, UserItem
from speakerd.realtime.parsing import parse
from speakerd.realtime.reader import Json, UnreadableError
from speakerd.realtime.remote import Remote
from speakerd.realtime.responses import Responses
from speakerd.realtime.settings import Agreement, Limits
from speakerd.realtime.silence import Look, Silence
from speakerd.realtime.tools import Tools
from speakerd.realtime.transcripts import said
from speakerd.realtime.turns import Turns

MAX_CHARACTERS = 4 * 1024 * 1024
"""Longest text frame that is looked into. The service's largest are audio deltas of some 10 kB."""


class RealtimeProtocol:
    """The state of one session."""

    def __init__(self, session: int, asked: Json, limits: Limits | None = None) -> None:
        """`asked` as made by `settings.session_settings`."""
        limits = limits or Limits()
        self.session = session
        """Number that events carry; may be given later, while nothing was said yet."""
        self._settings = asked
        self._outbox: list[str] = []
        self.counts: Counter[str] = Counter()
        """Messages by what became of them: `unknown/TYPE`, `unreadable`, `late_delta`, `error/CODE`, …"""
        self.liberties: tuple[str, ...] = ()
        """Paths of the session's settings that the server took in its own way."""
        self.expires_at_s = 0
        """Unix seconds at which the server ends the session; 0 if it did not tell."""
        self._agreement = Agreement()
        self._configured = self._over = False
        self._silence = Silence(limits.stall_s)
        self._responses = Responses(self._outbox.append, self.counts, limits.stall_s)
        self._tools, self._remote = Tools(limits.tool_rounds), Remote.of(asked)
        self._items = Items()
        self.turns = Turns.of(server_answers=settings.answers_by_itself(asked), silence_ms=settings.silence_ms(asked))
        self._asked_s: float | None = None
        """Since when the next response's first sound is awaited."""
        self._aftermath = Aftermath(
            self._responses, self._tools, self._remote, self.turns, self._items, self._outbox.append, self.counts
        )

    # ------------------------------------------------------------ out

    @property
    def deadline_s(self) -> float | None:
        """When `tick` is to be called; None while nothing is awaited, and after a Fatal."""
        if self._over:
            return None
        return min((t for t in (self._silence.deadline_s, self._responses.deadline_s) if t is not None), default=None)

    @property
    def at_rest(self) -> bool:
        """The session is agreed, nobody speaks and nothing is under way: it may be replaced by another."""
        busy = self.turns.busy or self._tools.pending or self._remote.pending
        return self._configured and not busy and self._responses.idle

    @property
    def responding(self) -> bool:
        """A response runs, wanted or not."""
        return self._responses.active is not None

    def take_outgoing(self) -> list[str]:
        """The text frames to send now, in order; the outbox is empty afterwards."""
        out = self._outbox.copy()
        self._outbox.clear()
        return out

    def connected(self, now_s: float) -> None:
        """The socket is open: ask for the session that we want."""
        self._update(self._settings)
        self._watch(now_s)

    def append_audio(self, pcm: bytes) -> None:
        """Microphone sound: int16 mono 24 kHz. Before SessionReady it must not be called."""
        if not self._configured:
            raise RuntimeError("sound before the session was agreed")
        self._outbox.append(outgoing.audio_append(pcm))

    def remind(self, said: Iterable[tuple[str, str]]) -> None:
        """Tell a fresh session what was said before: (`user` or `assistant`, text), oldest first."""
        self._outbox += [outgoing.message_item(role, text) for role, text in said]

    def create_response(self, now_s: float, *, instructions: str = "", tools: bool = True) -> None:
        """Ask for a response, now or when the one that runs is over.

        `instructions` replace the session's for this response; without `tools` it must be words.
        """
        body: Json = {"instructions": instructions} if instructions else {}
        self._ask({**body, **({} if tools else {"tool_choice": "none"})}, now_s)

    def release_responses(self, now_s: float) -> None:
        """From now on the server may answer (`session_settings(withhold=True)`); a turn that waits is answered now."""
        if self.turns.released:
            return
        waits = self.turns.release()
        if not self.turns.server_answers:
            self._update(settings.repeated(settings.released(self._settings)))
        if waits:
            self._ask({}, now_s, unless_one_runs=True)

    def answer_tools(self, outputs: Iterable[tuple[str, str]], now_s: float, *, reply: bool = True) -> None:
        """What the functions gave, by call id: answers *all* calls of the response, then asks for one response.

        None is asked for without `reply`, nor if the user has spoken meanwhile: that turn brings its own.
        """
        frames, ask = self._tools.answer(outputs)
        if not frames:
            self.counts["answer_unasked"] += 1
        self._outbox += frames
        if ask and reply and not self.turns.user_speaks:
            self._ask({"tool_choice": "none"} if self._tools.last_round else {}, now_s)

    def cancel(self, response_id: str | None, now_s: float) -> None:
        """Stop a response and drop its later audio; None: the one that runs or is about to begin, if any."""
        if response_id is None:
            self.turns.forget()
            self._tools.forget()
            self._remote.forget()
        self._responses.cancel(response_id, now_s)
        self._watch(now_s)

    def truncate(self, items: tuple[ev.ItemHeard, ...]) -> list[Output]:
        """Tell the server what was heard of items that were cut; what nobody heard is deleted."""
        outputs: list[Output] = []
        for heard in items:
            cut = self._items.cut(heard)
            if cut is None:
                self.counts["truncate_unknown_item"] += 1
                continue
            frame, item = cut
            self._outbox.append(frame)
            if item.words:
                outputs.append(SaidCut(heard.item_id, item.heard_words))
        return outputs

    def tick(self, now_s: float) -> list[Output]:
        """The deadline has passed: what follows from it."""
        outputs: list[Output] = []
        overdue = self._responses.tick(now_s)
        if overdue.response is not None:
            over = overdue.response
            outputs.append(ev.ResponseEnded(self.session, over.response_id, "cancelled", over.audio_ms))
        if overdue.request:
            outputs += never_began(self.session, "response_not_started", "", "")
        look = self._silence.look(now_s)
        if look is Look.PROBE and self._configured:
            self._update(settings.repeated(self._agreement.granted or self._settings))
        elif look is Look.DEAD:
            outputs.append(Fatal("server_silent", "the server does not answer"))
        return self._settle(outputs, now_s)

    # ------------------------------------------------------------ in

    def receive(self, text: str, now_s: float) -> list[Output]:
        """One text frame of the server; what it means to us. After a Fatal: nothing."""
        if self._over:
            return []
        self._silence.heard(now_s)
        try:
            message = parse(text) if len(text) <= MAX_CHARACTERS else None
        except UnreadableError:
            message = None
        if message is None:
            self.counts["unreadable"] += 1
            return []
        return self._settle(self._handle(message, now_s), now_s)

    def _handle(self, message: msg.ServerMessage, now_s: float) -> list[Output]:
        match message:
            case msg.SessionCreated(expires_at_s):
                self.expires_at_s = expires_at_s or self.expires_at_s
            case msg.SessionUpdated():
                return self._on_session(message)
            case msg.SpeechStarted():
                self.turns.started()
                return [ev.UserSpeechStarted(self.session)]
            case msg.SpeechStopped(end_ms):
                if not self.turns.stopped(end_ms):
                    return [ev.NothingAsked(self.session)]
                self._on_turn(now_s)
                return [ev.UserSpeechStopped(self.session)]
            case msg.Committed(item_id):
                return self._on_committed(item_id, now_s)
            case msg.ResponseCreated(response_id):
                return self._on_response(response_id, now_s)
            case msg.AudioDelta():
                return self._on_delta(message, now_s)
            case msg.Transcript():
                return said(self.session, message, self._items)
            case msg.ToolArguments(response_id, call):
                self._tools.gather(response_id, call)
            case msg.RemoteCall() | msg.ApprovalRequest():
                self._outbox += self._remote.hear(message)
            case msg.RemoteTools():
                return self._remote.tools(message)
            case msg.ResponseDone():
                return self._aftermath.done(self.session, message, now_s)
            case msg.RateLimits(reset_s):
                self._aftermath.rate_reset_s = reset_s
            case msg.ServerError():
                return self._aftermath.error(self.session, message, now_s, configured=self._configured)
            case msg.Unknown(kind):
                self.counts[f"unknown/{kind}"[:80]] += 1
            case _:
                assert_never(message)
        return []

    def _on_session(self, updated: msg.SessionUpdated) -> list[Output]:
        self.expires_at_s = updated.expires_at_s or self.expires_at_s
        verdict = self._agreement.grant(updated.session)
        self.liberties = verdict.liberties or self.liberties
        if verdict.wrong:
            return [Fatal("session_mismatch", f"the server did not accept: {', '.join(verdict.wrong)}")]
        if self._agreement.granted is not None:
            self.turns.server_answers = settings.answers_by_itself(self._agreement.granted, updated.session)
        if self._configured:
            return []
        self._configured = True
        return [ev.SessionReady(self.session)]

    def _on_turn(self, now_s: float) -> None:
        """The user has finished: what the server does next is wanted, and is the answer to this."""
        self._asked_s = now_s
        self._responses.new_turn()
        self._tools.new_turn()
        self._remote.forget()

    def _on_committed(self, item_id: str, now_s: float) -> list[Output]:
        self._responses.new_turn(wanted=not self.turns.alone)
        if self.turns.committed():
            self._ask({}, now_s)
        if self.turns.wake_ms is not None:
            self.release_responses(now_s)  # now, when an update can tear no turn
        return [UserItem(item_id)] if item_id else []

    def _on_response(self, response_id: str, now_s: float) -> list[Output]:
        self.turns.answered()
        self._remote.answered()
        if not self._responses.created(response_id, now_s, unasked=self.turns.released):
            return []
        return [ev.ResponseStarted(self.session, response_id)]

    def _on_delta(self, delta: msg.AudioDelta, now_s: float) -> list[Output]:
        active = self._responses.active
        if active is None or active.response_id != delta.response_id or active.cancelled:
            self.counts["late_delta"] += 1
            return []
        if not delta.pcm:
            return []
        outputs: list[Output] = []
        if not active.audio_bytes and self._asked_s is not None:
            outputs.append(FirstAudio(self.session, delta.response_id, now_s - self._asked_s))
            self._asked_s = None
        self._items.hear(delta.item_id, delta.content_index, len(delta.pcm))
        active.audio_bytes += len(delta.pcm)
        return [*outputs, ItemAudio(delta.item_id, delta.pcm)]

    # ------------------------------------------------------------ helpers

    def _update(self, asked: Json) -> None:
        self._agreement.ask(asked)
        self._outbox.append(outgoing.session_update(asked))

    def _ask(self, body: Json, now_s: float, *, unless_one_runs: bool = False) -> None:
        self._asked_s = now_s
        self._responses.request(body, now_s, unless_one_runs=unless_one_runs)
        self._watch(now_s)

    def _settle(self, outputs: list[Output], now_s: float) -> list[Output]:
        self._over = self._over or any(isinstance(output, Fatal) for output in outputs)
        if self._responses.active is None and self._remote.take() and not self.turns.user_speaks:
            self._ask({"tool_choice": "none"} if self._tools.last_round else {}, now_s, unless_one_runs=True)
        self._watch(now_s)
        return outputs

    def _watch(self, now_s: float) -> None:
        """Is anything due from the server?"""
        due = not self._configured or self.turns.due or self._responses.waiting
        self._silence.due(now_s, something=due)
