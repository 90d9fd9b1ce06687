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
from speakerd.conversation.events import ItemHeard, SessionEnded, SessionReady
from speakerd.logfields import fields
from speakerd.realtime.address import Dial, with_model
from speakerd.realtime.connection import Octets
from speakerd.realtime.luggage import Luggage
from speakerd.realtime.outputs import Delivery, Report, Word
from speakerd.realtime.protocol import Limits, RealtimeProtocol
from speakerd.realtime.reader import Json
from speakerd.realtime.session import Session
from speakerd.realtime.upkeep import Step, Upkeep

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
        self._upkeep = Upkeep(random.random)
        self._luggage = Luggage()
        self._proof: asyncio.TimerHandle | None = None
        self._wake_ms: int | None = None
        """Where in the sound the wake word was detected, where it may be all that was said."""
        self._taking_over = False
        """The current session takes the place of a dead one: the conversation believes that it is ready."""
        self._stopped = False
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
        self._upkeep.keep_warm = self._realtime.keep_warm
        self._look()

    def stop(self) -> None:
        """Cut off everything; for the end of the daemon."""
        self._stopped = True
        self._arm(math.inf)
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
        self._upkeep.pausing = pausing
        if pausing:
            self._look()

    # ------------------------------------------------------------ the conversation

    @property
    def warm(self) -> bool:
        """A spare session is ready."""
        return self._spare is not None and self._spare.ready

    def open(self, session: int, wake_ms: int = 0) -> None:
        """A session for a new conversation, which begins as `Session.begin` says; an old one, if any, is cut off."""
        self.abort()
        self._luggage.clear()
        self._settle()
        self._wake_ms = wake_ms
        self._current, self._spare = self._spare, None
        if self._current is None or self._current.closing:
            self._current = self._dial(session)
        self._current.number = session
        self._current.begin(wake_ms)
        if self._current.ready:
            self._doubt(self._current)
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
        self._luggage.keep(pcm)
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

    def answer_tools(self, session: int, outputs: Iterable[tuple[str, str]], *, reply: bool = True) -> None:
        """What the functions of a ToolsCalled gave: call id and text of each, all at once; `reply`: ask for words."""
        if self._current is not None and self._current.number == session:
            self._current.answer_tools(outputs, reply=reply)

    # ------------------------------------------------------------ what sessions say

    def _on_output(self, session: Session, output: Word) -> None:
        if isinstance(output, SessionEnded):
            self._on_end(session, output)
        elif session is self._current:
            self._on_current(session, output)
        elif session is self._spare and isinstance(output, SessionReady):
            self._look()

    def _on_current(self, session: Session, output: Word) -> None:
        if isinstance(output, SessionReady):
            self._upkeep.connected()
            self._look()
            if self._taking_over:
                session.begin(self._wake_ms)
                self._luggage.hand_to(session)
                self._settle()
                return
        self._luggage.take(output)
        if isinstance(output, Report):
            self._report(output)
        else:
            self._deliver(output)
        if self._upkeep.pausing:
            self._look()

    def _on_end(self, session: Session, ended: SessionEnded) -> None:
        self._running.pop(session, None)
        if session is self._spare:
            self._spare = None
            self._upkeep.lost_spare(session.cause, self._loop.time())
            if self._upkeep.hopeless and (cause := session.cause) is not None:
                told = fields(event="SpareGivenUp", code=cause.code)
                log.warning("No session is kept open until one could be opened: %s.", cause.message, extra=told)
        if session is self._current:
            self._current = None
            self._settle()
            self._upkeep.lost_current(session.cause, self._loop.time())
        if ended.session:
            self._deliver(ended)  # one that is stale the machine knows, and counts
        self._look()

    # ------------------------------------------------------------ the spare

    def _look(self) -> None:
        """Do what is due, and arm the timer for the next time."""
        if self._stopped:
            return
        now_s = self._loop.time()
        while step := self._upkeep.step(self._current, self._spare, now_s):
            match step:
                case Step.RETIRE:
                    self._retire_spare()
                case Step.DIAL:
                    self._spare = self._dial(0)
                    self._upkeep.dialled(now_s)
                case Step.RENEW:
                    self._renew()
        self._arm(self._upkeep.next_s(self._current, self._spare, now_s))

    def _retire_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.close()

    def _renew(self) -> None:
        """The spare session goes on with the conversation, knowing what was said."""
        old, new = self._current, self._spare
        assert old is not None
        assert new is not None
        number, old.number = old.number, 0
        old.close()
        self._current, self._spare = new, None
        new.number = number
        new.begin(None)
        self._luggage.hand_to(new)
        self._doubt(new)
        self.renewed += 1
        log.info("The conversation goes on in a fresh session.", extra=fields(event="SessionRenewed"))

    # ------------------------------------------------------------ doubt

    def _doubt(self, session: Session) -> None:
        """Keep all sound until the peer of the current session has shown that it lives."""
        self._luggage.doubt()
        session.on_alive = self._settle
        self._proof = self._loop.call_later(PROOF_S, self._revive)

    def _settle(self) -> None:
        """No doubt any more."""
        if self._proof is not None:
            self._proof.cancel()
            self._proof = None
        self._taking_over = False
        self._luggage.trust()
        if self._current is not None:
            self._current.on_alive = lambda: None

    def _revive(self) -> None:
        """The peer is dead: a new session takes over, and hears what was said to the dead one."""
        dead = self._current
        self._proof = None
        if dead is None or dead.closing:
            return
        number, dead.number = dead.number, 0
        self._wake_ms = None if dead.released else self._wake_ms
        self._cut(dead)
        self._current = self._dial(number)
        self._taking_over = True
        self.revived += 1

    # ------------------------------------------------------------ sessions and time

    def _dial(self, number: int) -> Session:
        model, settings = self._ask
        dial = Dial.of(self._realtime, with_model(self._url, model), self._key())
        protocol = RealtimeProtocol(number, settings, Limits.of(self._realtime))
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

    def _arm(self, look_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        at_s = max(look_s, self._loop.time() + 0.01)
        self._timer = self._loop.call_at(at_s, self._look) if math.isfinite(look_s) else None
