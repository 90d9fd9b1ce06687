"""Who serves the conversation: one session after another, of which the conversation knows one. Owned by the link.

Another one takes the place of a session that is to expire, of one whose peer turns out to be dead, and of one that
could not be had at all: then it is the embedded server's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from speakerd.realtime.dialler import Dialler
from speakerd.realtime.luggage import Luggage
from speakerd.realtime.outputs import Fatal, FirstAudio, Report, ServiceBack, StandingIn, Word
from speakerd.realtime.session import Session
from speakerd.realtime.standin import NOT_IN_TIME, StandIn
from speakerd.realtime.timer import Timer

PROOF_S = 1.5
"""Time in which the peer of a spare session must show that it lives, once it is needed."""


class Seat:
    """One for the life of the daemon; empty while nobody converses."""

    def __init__(self, dialler: Dialler, stand_in: StandIn, report: Callable[[Report], None]) -> None:
        """`report` is told when the service is away, and when it is back."""
        self._dialler = dialler
        self._stand_in = stand_in
        self._report = report
        self._loop = asyncio.get_running_loop()
        self.session: Session | None = None
        """Who sits there."""
        self._deputy: Session | None = None
        """The newest session with the embedded server in the place of the service."""
        self._luggage = Luggage()
        self._wake_ms: int | None = None
        """Where in the sound the wake word was detected, where it may be all that was said."""
        self._taking_over = False
        """The session takes the place of another one: the conversation believes that it is ready."""
        self._proof = Timer(self._revive)
        """Armed while it is in doubt whether the session's peer lives."""
        self._patience = Timer(self._too_late)
        """Armed while the session is to become ready, and another one could take its place."""
        self.revived = 0
        """Spare sessions that were found dead when they were needed."""

    def refit(self, connect_s: float) -> None:
        """Another time from wake word to ready, from the next conversation on."""
        self._stand_in.refit(connect_s)

    @property
    def standing_in(self) -> bool:
        """The embedded server answers, in the place of the service."""
        return self.session is not None and self.session is self._deputy

    # ------------------------------------------------------------ the conversation

    def clear(self) -> None:
        """A new conversation begins."""
        self._luggage.clear()
        self._settle()

    def take(self, session: Session, number: int, wake_ms: int) -> None:
        """It serves the conversation's session `number`, which begins as `Session.begin` says."""
        self.session, self._wake_ms = session, wake_ms
        session.number = number
        session.begin(wake_ms)
        if session.ready:
            self._doubt(session)
        else:
            self._wait()

    def renew(self, new: Session) -> None:
        """A ready session goes on with the conversation, knowing what was said."""
        old = self.session
        assert old is not None
        number, old.number = old.number, 0
        old.close()
        self.session, new.number = new, number
        new.begin(None)
        self._luggage.hand_to(new)
        self._doubt(new)

    def append_audio(self, pcm: bytes) -> None:
        """Send microphone sound: int16 mono 24 kHz."""
        if self.session is None or self.session.closing:
            return
        self._luggage.keep(pcm)
        if not self._taking_over:
            self.session.append_audio(pcm)

    def give_up(self) -> None:
        """The conversation wants no session any more."""
        self._proof.cancel()
        self._patience.cancel()

    # ------------------------------------------------------------ what the session says

    def ready(self) -> bool:
        """Its server agreed to it; true if the conversation is to know."""
        session = self.session
        assert session is not None
        self._patience.cancel()
        if session is not self._deputy:
            self.reached()
        if not self._taking_over:
            return True
        session.begin(self._wake_ms)
        self._luggage.hand_to(session)
        self._settle()
        return False

    def reached(self) -> None:
        """The service has agreed to a session."""
        if self._stand_in.end():
            self._report(ServiceBack())

    def note(self, output: Word) -> None:
        """What it says."""
        if isinstance(output, FirstAudio) and self.standing_in:
            self._stand_in.answered()
        self._luggage.take(output)

    def ended(self) -> bool:
        """It is over; true if the conversation is to know, false if another one has taken its place."""
        lost = self.session
        assert lost is not None
        if self._proof.armed and lost.cause:  # it was dead when it was taken: that the network only tells now
            self._redial()
            return False
        if self._patience.armed and lost.cause and self._stand_in.replaces(lost.cause):
            self._stand_in_for(lost.cause)
            return False
        self.session = None
        self._luggage.clear()  # nobody is to inherit it
        self._settle()
        return True

    # ------------------------------------------------------------ doubt

    def _doubt(self, session: Session) -> None:
        """Keep all sound until the peer of the session has shown that it lives."""
        self._luggage.doubt()
        session.on_alive = self._settle
        self._proof.after(PROOF_S)

    def _settle(self) -> None:
        """No doubt any more."""
        self.give_up()
        self._taking_over = False
        self._luggage.trust()
        if self.session is not None:
            self.session.on_alive = lambda: None

    def _revive(self) -> None:
        if self.session is not None and not self.session.closing:
            self._redial()

    def _redial(self) -> None:
        """The peer is dead: a new session takes over, and hears what was said to the dead one."""
        self.give_up()
        self._taking_over = True
        self._replace(self._dialler.dial)
        self._wait()
        self.revived += 1

    # ------------------------------------------------------------ the service is away

    def _wait(self) -> None:
        """The session must be ready in time, if there is a stand-in."""
        self._patience.after(self._stand_in.patience_s(self._loop.time()))

    def _too_late(self) -> None:
        if self.session is not None and not self.session.closing:
            self._stand_in_for(NOT_IN_TIME)

    def _stand_in_for(self, cause: Fatal) -> None:
        """The embedded server takes the session's place."""
        assert self.session is not None
        self.give_up()
        is_new = self._stand_in.begin(cause, self._loop.time())
        self._report(StandingIn(self.session.number, cause.code, cause.message, is_new))
        self._replace(lambda number: self._dialler.dial_stand_in(number, self._stand_in.url))
        self._deputy = self.session

    def _replace(self, dial: Callable[[int], Session]) -> None:
        """Another session for the same conversation, which knows nothing of it."""
        old = self.session
        assert old is not None
        number, old.number = old.number, 0
        old.on_alive = lambda: None  # it may be alive in this very moment: too late
        self._wake_ms = None if old.released else self._wake_ms
        self._dialler.cut(old)
        self.session = dial(number)
        if not self._taking_over:
            self.session.begin(self._wake_ms)
