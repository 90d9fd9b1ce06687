"""Keeps a session to be had: on demand or warm, and another one in its place before it expires. Owned by the loop.

The session of the conversation is *current*; a *spare* is ready to become it, for the next wake word or
for the rest of this conversation. All others are on their way out and no longer heard.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable, Iterable

from speakerd.config.model import Realtime
from speakerd.conversation.events import ItemHeard, SessionEnded, SessionReady, UserSpeechStopped
from speakerd.realtime.address import Dial, with_model
from speakerd.realtime.backoff import STEADY_S, Backoff
from speakerd.realtime.connection import Octets
from speakerd.realtime.history import History
from speakerd.realtime.outputs import Delivery, FirstAudio, Report, Word
from speakerd.realtime.protocol import Limits, RealtimeProtocol
from speakerd.realtime.reader import Json
from speakerd.realtime.renewal import Renewal
from speakerd.realtime.session import Session
from speakerd.realtime.tail import LONG_S, SHORT_S, Tail

log = logging.getLogger(__name__)

PROOF_S = 1.5
"""Time in which the peer of a spare session must show that it lives, once it is needed."""


class Link:
    """At most one session at a time speaks. Verbs without a session do nothing: it ended a moment ago."""

    def __init__(
        self,
        realtime: Realtime,
        url: str,
        settings: Json,
        key: Callable[[], str | None],
        tasks: asyncio.TaskGroup,
        deliver: Callable[[Delivery], None],
        report: Callable[[Report], None] = lambda _report: None,
    ) -> None:
        """`url` is where to connect (`realtime.url`, or the embedded server's); `key` gives the API key.

        `deliver` gets what the conversation is about, `report` what its observers want to know.
        """
        self._realtime = realtime
        self._url = url
        self._ask = (realtime.model, settings)
        self._key = key
        self._tasks = tasks
        self._deliver = deliver
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._running: dict[Session, asyncio.Task[None]] = {}
        self._current: Session | None = None
        self._spare: Session | None = None
        self._spare_s = 0.0
        """When the spare was dialled."""
        self._renewals: dict[Session, Renewal] = {}
        self._backoff = Backoff(random.random)
        self._history = History()
        self._tail = Tail()
        self._proof: asyncio.TimerHandle | None = None
        self._taking_over = False
        """The current session takes the place of a dead one: the conversation believes that it is ready."""
        self._pausing = True
        self._warm = self._stopped = False
        self._timer: asyncio.TimerHandle | None = None
        self.octets = Octets()
        """What went over the wire since the start."""
        self.renewed = 0
        """Sessions that took over in a conversation."""
        self.revived = 0
        """Spare sessions that were found dead when they were needed."""

    # ------------------------------------------------------------ life of the daemon

    def start(self) -> None:
        """Keep a spare session open from now on, if the configuration wants one."""
        self._warm = self._realtime.keep_warm
        self._look()

    def stop(self) -> None:
        """Cut off everything; for the end of the daemon."""
        self._stopped = True
        self._disarm()
        for session in list(self._running):
            self._cut(session)

    def use(self, model: str, settings: Json) -> None:
        """What the sessions from the next one on are to be like."""
        if (model, settings) != self._ask:
            self._ask = (model, settings)
            self._retire_spare()
            self._look()

    def pausing(self, pausing: bool) -> None:
        """Tell whether nobody speaks and nothing sounds: only then one session takes over from another."""
        self._pausing = pausing
        if pausing:
            self._look()

    # ------------------------------------------------------------ the conversation

    @property
    def warm(self) -> bool:
        """A spare session is ready."""
        return self._spare is not None and self._spare.ready

    def open(self, session: int) -> None:
        """A session for a new conversation: the spare one, or a new one; an old one, if any, is cut off."""
        self.abort()
        self._history.clear()
        self._tail.clear()
        self._settle()
        spare, self._spare = self._spare, None
        if spare is None or spare.closing:
            self._current = self._dial(session)
            return
        self._current = spare
        spare.number = session
        if spare.ready:
            self._doubt()
            self._deliver(SessionReady(session))

    def close(self) -> None:
        """Close in good order; SessionEnded follows."""
        if self._current is not None:
            self._current.close()
            self._look()

    def abort(self) -> None:
        """Cut off; SessionEnded follows."""
        if self._current is not None:
            self._cut(self._current)

    def append_audio(self, pcm: bytes) -> None:
        """Send microphone sound: int16 mono 24 kHz."""
        current = self._current
        if current is None or current.closing:
            return
        self._tail.keep(pcm)
        if not self._taking_over:
            current.append_audio(pcm)

    def cancel(self, response_id: str | None) -> None:
        """Stop a response; None: the one that is about to begin."""
        if self._current is not None:
            self._current.cancel(response_id)

    def truncate(self, items: tuple[ItemHeard, ...]) -> None:
        """Tell what was heard of cut items."""
        if self._current is not None:
            self._current.truncate(items)

    def create_response(self, *, instructions: str = "", tools: bool = True) -> None:
        """Ask for a response as soon as none runs; `instructions` replace the session's for it."""
        if self._current is not None:
            self._current.create_response(instructions, tools=tools)

    def release_responses(self) -> None:
        """Let the server answer from now on; see `session_settings(withhold=True)`."""
        if self._current is not None:
            self._current.release_responses()

    def answer_tools(self, session: int, outputs: Iterable[tuple[str, str]], *, reply: bool = True) -> None:
        """What the functions of a ToolsCalled gave: call id and text of each, all at once; `reply`: ask for words."""
        if self._current is not None and self._current.number == session:
            self._current.answer_tools(outputs, reply=reply)

    # ------------------------------------------------------------ what sessions say

    def _on_output(self, session: Session, output: Word) -> None:
        if isinstance(output, SessionEnded):
            self._on_end(session, output)
        elif session is self._spare:
            if isinstance(output, SessionReady):
                self._renewals[session] = Renewal(self._loop.time(), session.expires_s)
                self._look()
        elif session is self._current:
            self._on_current(session, output)

    def _on_current(self, session: Session, output: Word) -> None:
        match output:
            case SessionReady():
                self._renewals[session] = Renewal(self._loop.time(), session.expires_s)
                self._backoff.succeeded()
                self._look()
                if self._taking_over:
                    self._go_on(session)
                    return
            case UserSpeechStopped():
                self._tail.clear()
            case FirstAudio():
                self._renewals[session].answered(output.latency_s)
        self._history.take(output)
        if isinstance(output, Report):
            self._report(output)
        else:
            self._deliver(output)
        if self._pausing:
            self._look()

    def _on_end(self, session: Session, ended: SessionEnded) -> None:
        self._running.pop(session, None)
        self._renewals.pop(session, None)
        if session is self._spare:
            self._spare = None
            self._on_lost_spare(session)
        if session is self._current:
            self._current = None
            self._settle()
            if session.cause is not None:
                self._backoff.failed(session.cause.code, session.cause.retry_after_s, self._loop.time())
        if ended.session:
            self._deliver(ended)  # one that is stale the machine knows, and counts
        self._look()

    def _on_lost_spare(self, session: Session) -> None:
        now_s = self._loop.time()
        cause = session.cause
        if now_s - self._spare_s >= STEADY_S:
            self._backoff.succeeded()
        self._backoff.failed(cause.code if cause else "", cause.retry_after_s if cause else 0.0, now_s)
        if math.isinf(self._backoff.not_before_s) and cause is not None:
            log.warning("No session is kept open until one could be opened: %s.", cause.message)

    # ------------------------------------------------------------ the spare

    def _look(self) -> None:
        """Do what is due: retire, dial or bring in the spare; and arm the timer for the next time."""
        if self._stopped:
            return
        now_s = self._loop.time()
        spare = self._spare
        if spare is not None and spare in self._renewals and self._renewals[spare].due(now_s):
            self._retire_spare()
        if self._spare is None and self._wants_spare(now_s) and now_s >= self._backoff.not_before_s:
            self._spare, self._spare_s = self._dial(0), now_s
        if self._pausing and self.warm and self._renewal_due(now_s) and self._current and self._current.at_rest:
            self._renew(self._current)
        self._arm(now_s)

    def _wants_spare(self, now_s: float) -> bool:
        alone = self._current is None or self._current.closing
        return (self._warm and alone) or self._renewal_due(now_s)

    def _renewal_due(self, now_s: float) -> bool:
        renewal = self._renewals.get(self._current) if self._current else None
        return renewal is not None and renewal.due(now_s) and not self._taking_over

    def _retire_spare(self) -> None:
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def _renew(self, old: Session) -> None:
        """The spare session goes on with the conversation, knowing what was said."""
        number, old.number = old.number, 0
        old.close()
        self._current, self._spare = self._spare, None
        assert self._current is not None
        self._current.number = number
        self._current.remind(self._history.lines())
        self._replay(self._current)
        self._doubt()
        self.renewed += 1
        log.info("The conversation goes on in a fresh session.")

    # ------------------------------------------------------------ doubt

    def _doubt(self) -> None:
        """Keep all sound until the current session's peer has shown that it lives."""
        assert self._current is not None
        self._tail.limit(LONG_S)
        self._current.on_alive = self._settle
        self._proof = self._loop.call_later(PROOF_S, self._revive)

    def _settle(self) -> None:
        """No doubt any more."""
        if self._proof is not None:
            self._proof.cancel()
            self._proof = None
        self._taking_over = False
        self._tail.limit(SHORT_S)
        if self._current is not None:
            self._current.on_alive = lambda: None

    def _revive(self) -> None:
        """The peer is dead: a new session takes over, and hears what was said to the dead one."""
        dead = self._current
        self._proof = None
        if dead is None or dead.closing:
            return
        number, dead.number = dead.number, 0
        self._cut(dead)
        self._current = self._dial(number)
        self._taking_over = True
        self.revived += 1

    def _go_on(self, session: Session) -> None:
        session.remind(self._history.lines())
        self._replay(session)
        self._settle()

    def _replay(self, session: Session) -> None:
        for chunk in self._tail.chunks():
            session.append_audio(chunk)

    # ------------------------------------------------------------ sessions and time

    def _dial(self, number: int) -> Session:
        model, settings = self._ask
        dial = Dial.of(self._realtime, with_model(self._url, model), self._key())
        limits = Limits(self._realtime.stall_timeout_s, self._realtime.max_tool_rounds)
        protocol = RealtimeProtocol(number, settings, limits)
        new = Session(protocol, dial, lambda output: self._on_output(new, output), self.octets)
        task = self._tasks.create_task(new.run(), name=f"session-{number}")
        self._running[new] = task
        # Not inside the task: one that is cancelled before its first step never runs.
        task.add_done_callback(lambda _: self._on_output(new, new.ended()))
        return new

    def _cut(self, session: Session) -> None:
        session.abort()
        if session in self._running:
            self._running[session].cancel()

    def _arm(self, now_s: float) -> None:
        self._disarm()
        times = [renewal.due_s for renewal in self._renewals.values() if renewal.due_s and renewal.due_s > now_s]
        if self._spare is None and self._wants_spare(now_s):
            times.append(self._backoff.not_before_s)
        next_s = min(times, default=math.inf)
        if math.isfinite(next_s):
            self._timer = self._loop.call_at(max(next_s, now_s + 0.01), self._look)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
