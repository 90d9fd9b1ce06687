"""Keeps a session to be had: on demand or warm, and another one in its place before it expires. Owned by the loop.

The session of the conversation is *current*; a *spare* is ready to become it, for the next wake word or
for the rest of this conversation. All others are on their way out and no longer heard.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable

from speakerd.config.model import Realtime
from speakerd.conversation.events import ItemHeard, SessionEnded, SessionReady
from speakerd.logfields import fields
from speakerd.realtime.connection import Octets
from speakerd.realtime.dialler import Dialler
from speakerd.realtime.outputs import Delivery, Report, Word
from speakerd.realtime.reader import Json
from speakerd.realtime.seat import Seat
from speakerd.realtime.session import Session
from speakerd.realtime.standin import StandIn
from speakerd.realtime.timer import Timer
from speakerd.realtime.troubles import describe
from speakerd.realtime.upkeep import Step, Upkeep

log = logging.getLogger(__name__)


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
        stand_in: str = "",
    ) -> None:
        """`url` is where to connect (`realtime.url`, or the embedded server's); `key` gives the API key.

        `deliver` gets what the conversation is about, `report` what its observers want to know. `stand_in`: the
        embedded server's URL, if it is to answer where the service cannot be reached.
        """
        self._keep_warm = realtime.keep_warm
        self._started = False
        self._deliver = deliver
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._dialler = Dialler(realtime, url, settings, key, tasks, self._on_output)
        self._seat = Seat(self._dialler, StandIn(stand_in, realtime.connect_timeout_s), report)
        self._spare: Session | None = None
        self._upkeep = Upkeep(random.random)
        self._stopped = False
        self._timer = Timer(self._look)
        self.renewed = 0
        """Sessions that took over in a conversation."""

    @property
    def octets(self) -> Octets:
        """What went over the wire to the service and back since the start."""
        return self._dialler.octets

    @property
    def revived(self) -> int:
        """Spare sessions that were found dead when they were needed."""
        return self._seat.revived

    @property
    def standing_in(self) -> bool:
        """The embedded server answers in this conversation, in the place of the service."""
        return self._seat.standing_in

    @property
    def _current(self) -> Session | None:
        return self._seat.session

    # ------------------------------------------------------------ life of the daemon

    def start(self) -> None:
        """Keep a spare session open from now on, if the configuration wants one."""
        self._started = True
        self._upkeep.keep_warm = self._keep_warm
        self._look()

    def refit(self, realtime: Realtime) -> None:
        """Connect with these settings from now on, between conversations; what failed before is tried again.

        Where to connect, and what is asked of sessions, stays; for the latter there is `use`.
        """
        self._dialler.refit(realtime)
        self._seat.refit(realtime.connect_timeout_s)
        self._keep_warm = realtime.keep_warm
        pausing, self._upkeep = self._upkeep.pausing, Upkeep(random.random)
        self._upkeep.keep_warm, self._upkeep.pausing = self._started and realtime.keep_warm, pausing
        self._retire_spare()
        self._look()

    def stop(self) -> None:
        """Cut off everything; for the end of the daemon."""
        self._stopped = True
        self._timer.cancel()
        self._seat.give_up()
        self._dialler.cut_all()

    def use(self, model: str, settings: Json) -> None:
        """What the sessions from the next one on are to be like."""
        if self._dialler.use(model, settings):
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
        self._seat.clear()
        spare, self._spare = self._spare, None
        new = self._dialler.dial(session) if spare is None or spare.closing else spare
        self._seat.take(new, session, wake_ms)
        if new.ready:
            self._deliver(SessionReady(session))

    def close(self) -> None:
        """Close in good order; SessionEnded follows."""
        if self._current is not None:
            self._seat.give_up()
            self._current.close()
            self._look()

    def abort(self) -> None:
        """Cut off; SessionEnded follows."""
        if self._current is not None:
            self._seat.give_up()
            self._dialler.cut(self._current)

    def append_audio(self, pcm: bytes) -> None:
        """Send microphone sound: int16 mono 24 kHz."""
        self._seat.append_audio(pcm)

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
            self._on_current(output)
        elif session is self._spare and isinstance(output, SessionReady):
            self._seat.reached()
            self._look()

    def _on_current(self, output: Word) -> None:
        if isinstance(output, SessionReady):
            is_news = self._seat.ready()
            if not self._seat.standing_in:
                self._upkeep.connected()
            self._look()
            if not is_news:
                return
        self._seat.note(output)
        if isinstance(output, Report):
            self._report(output)
        else:
            self._deliver(output)
        if self._upkeep.pausing:
            self._look()

    def _on_end(self, session: Session, ended: SessionEnded) -> None:
        if session is self._spare:
            self._spare = None
            self._upkeep.lost_spare(session.cause, self._loop.time())
            if self._upkeep.hopeless and (cause := session.cause) is not None:
                told = fields(event="SpareGivenUp", code=cause.code)
                why = describe(cause.code, cause.message)
                log.warning("No session is kept open until one could be opened: %s.", why, extra=told)
        if session is self._current:
            self._upkeep.lost_current(session.cause, self._loop.time())
            if not self._seat.ended():
                return
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
                    self._upkeep.retired(now_s)
                case Step.DIAL:
                    self._spare = self._dialler.dial(0)
                    self._upkeep.dialled(now_s)
                case Step.RENEW:
                    self._renew()
        self._timer.at(max(self._upkeep.next_s(self._current, self._spare, now_s), now_s + 0.01))

    def _retire_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.close()

    def _renew(self) -> None:
        """The spare session goes on with the conversation, knowing what was said."""
        new, self._spare = self._spare, None
        assert new is not None
        self._seat.renew(new)
        self.renewed += 1
        log.info("The conversation goes on in a fresh session.", extra=fields(event="SessionRenewed"))
