"""Tells the outside what goes on: the journal, `systemctl status`, the events file, the watchdog.

Observes; decides nothing. Lives in the loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.errors import DeviceError
from speakerd.logfields import fields
from speakerd.realtime import troubles
from speakerd.realtime.outputs import ResponseFailed, ServiceBack, StandingIn
from speakerd.service.clockwatch import ClockWatch
from speakerd.service.eventlog import EventLog
from speakerd.service.journal import tell_left_out
from speakerd.service.notify import Notifier
from speakerd.service.sentences import describe, describe_echo, trouble_with
from speakerd.service.standing import Standing
from speakerd.service.stopwatch import Stopwatch
from speakerd.service.vigil import Vigil
from speakerd.wallclock import local_now

log = logging.getLogger(__name__)

NOTE_S = 600.0
"""What came of reading the configuration anew is shown for so long."""


class Reporter:
    """One for the life of the daemon."""

    def __init__(
        self,
        eventlog: EventLog | None,
        notifier: Notifier,
        counters: Callable[[], dict[str, int]],
    ) -> None:
        """`counters` gives the totals of all that went wrong or was sent; asked after each conversation."""
        self._eventlog = eventlog
        self._notifier = notifier
        self._counters = counters
        self.stopwatch = Stopwatch(counters)
        self._vigil = Vigil(notifier)
        self._clockwatch = ClockWatch()
        self.standing = Standing(devices=self._vigil.troubles, stalled=self._vigil.stalled)
        """For others to read."""
        self._lasting = False
        """What is wrong with the service stays so until somebody has done something: shown until an answer comes."""
        self._failed: ResponseFailed | None = None
        self._note_end: asyncio.TimerHandle | None = None
        self._refused: tuple[str, date] | None = None
        """Why the last wake word began nothing, and on which day."""

    # ------------------------------------------------------------ the conversation

    def observe(self, event: ev.Event, before: State, after: State, now_s: float) -> None:
        """The conductor's observer."""
        figures = self.stopwatch.handle(event, before, after, now_s)
        if self._eventlog:
            self._eventlog.event(event, before, after, now_s, figures)
        told = describe(event, before, after, figures, self._said_of(event))
        given = fields(event=told.kind, state=after, from_state=before, **_details(event), **figures)
        log.log(told.level, "%s", told.sentence, extra=given)
        self.standing.state = after
        self._judge(event, before, after)
        self.stopwatch.tell()
        if after is State.IDLE and before is not State.IDLE:
            self._count(now_s)
        self._show_status()

    def _said_of(self, event: ev.Event) -> str:
        """What the service said of a failure."""
        if not isinstance(event, ev.ResponseEnded):
            return ""
        failed, self._failed = self._failed, None
        if failed is None or failed.response_id != event.response_id:
            return ""
        said = failed.message if failed.code == event.error else f"{failed.code}: {failed.message}"
        if failed.retry_after_s >= 1 and not troubles.retry_after_s(said):
            said += f" (try again in {failed.retry_after_s:.0f} s)"
        return said

    def _judge(self, event: ev.Event, before: State, after: State) -> None:
        """What the event tells about the service."""
        match event:
            case _ if trouble := trouble_with(event, before, after):
                notice = troubles.NOTICES[trouble]
                self.standing.service, self._lasting = f"{notice.sentence}: {notice.advice}", notice.lasting
            case ev.ResponseEnded(status="completed"):
                self.standing.service = ""
            case ev.WakeDetected() if not self._lasting:
                self.standing.service = ""

    def failed(self, failed: ResponseFailed) -> None:
        """A response failed, or never began; ResponseEnded follows."""
        self._failed = failed

    def service(self, event: StandingIn | ServiceBack) -> None:
        """The embedded server answers in the place of the service, or need not any more."""
        if isinstance(event, ServiceBack):
            self.standing.away = ""
            log.info("The service can be reached again.", extra=fields(event="ServiceBack"))
        else:
            trouble = troubles.trouble_of(event.code) or troubles.Trouble.UNREACHABLE
            self.standing.away = f"the embedded server answers: {troubles.NOTICES[trouble].sentence}"
            log.log(
                logging.WARNING if event.is_new else logging.INFO,
                "The embedded server answers: %s.",
                troubles.describe(event.code, event.message),
                extra=fields(event="StandingIn", code=event.code),
            )
        if self._eventlog:
            self._eventlog.write(type(event).__name__, time.monotonic(), state=self.standing.state)
        self._show_status()

    def refused(self, why: str, now_s: float) -> None:
        """A wake word began nothing, for this reason: a sentence."""
        self.standing.service, self._lasting = why.rstrip("."), False
        self._refused = self.standing.service, local_now().date()
        if self._eventlog:
            self._eventlog.write("WakeRefused", now_s, state=self.standing.state)
        log.warning("%s", why, extra=fields(event="WakeRefused", state=self.standing.state))
        self._show_status()

    def _count(self, now_s: float) -> None:
        """The totals, for the journal and the events file."""
        self.stopwatch.look(now_s)
        counters = self._counters()
        if self._eventlog:
            self._eventlog.write("Counters", now_s, state=self.standing.state, **counters)
        log.debug("Totals since the start.", extra=fields(event="Counters", state=self.standing.state, **counters))

    def local_speech(self, event: ev.SpeechDetected) -> None:
        """The local voice detector changed its mind."""
        self.stopwatch.speech(event)
        told = fields(event="SpeechDetected", level_dbfs=event.level_dbfs)
        log.debug("Local speech %s.", "begins" if event.started else "ends", extra=told)

    def echo(self, event: ev.DuplexChanged | ev.EchoMeasured) -> None:
        """How speaking over the assistant stands: when that changes, and a conversation's figures."""
        figures = {name: value for name, value in asdict(event).items() if value not in (None, "")}
        if self._eventlog:
            self._eventlog.write(type(event).__name__, time.monotonic(), state=self.standing.state, **figures)
        if isinstance(event, ev.EchoMeasured):
            if figures:
                rounded = {name: round(value, 1) for name, value in figures.items()}
                log.info("%s", describe_echo(event), extra=fields(event="EchoMeasured", **rounded))
            return
        self.standing.half_duplex = event.reason
        if event.reason:
            log.warning(
                "Only the wake word interrupts the assistant now: %s.",
                event.reason,
                extra=fields(event="HalfDuplex", reason=event.reason),
            )
        else:
            log.info("Speech interrupts the assistant again.", extra=fields(event="FullDuplex"))
        self._show_status()

    def overflow(self) -> None:
        """A reply is longer than the playout buffer holds; the rest of it is lost."""
        log.warning("The reply is too long to keep; a part of it was left out.", extra=fields(event="PlayoutOverflow"))

    # ------------------------------------------------------------ devices

    def device(self, name: str, error: DeviceError | None) -> None:
        """`name` (microphone, loudspeaker) works (None) or does not (why): told anew with every retry."""
        self._vigil.device(name, error)
        self._show_status()

    # ------------------------------------------------------------ the service

    async def watch(self, progress: Callable[[], tuple[int, int]], on_ready: Callable[[], None] = lambda: None) -> None:
        """Say READY once sound has moved, then feed the watchdog while it goes on moving. Runs until cancelled.

        `progress` counts near frames that passed the wake detector, and periods played. What stands still
        because its device is missing is no hang: restarting the daemon would not bring the device back.
        `on_ready` is called once, then.
        """
        await self._vigil.until_ready(progress, self._look)
        self.standing.ready = True
        self._notifier.ready()
        self._show_status()
        if self._eventlog:
            self._eventlog.write("Ready", time.monotonic(), state=self.standing.state)
        log.info("Ready: waiting for the wake word.", extra=fields(event="Ready", state=self.standing.state))
        on_ready()
        self._watch_clock()
        await self._vigil.keep_looking(progress, self._look)

    def _look(self) -> None:
        """Every few seconds."""
        self._show_status()
        self.stopwatch.look(time.monotonic())
        self._watch_clock()
        self._forget_refusal()
        tell_left_out()

    def _forget_refusal(self) -> None:
        """Another day has money of its own; if it has not, the next wake word tells."""
        if self._refused is None or self._refused[1] == local_now().date():
            return
        if self.standing.service == self._refused[0]:
            self.standing.service = ""
            self._show_status()
        self._refused = None

    def _watch_clock(self) -> None:
        """By the clock that goes on while the machine sleeps, so that a night of sleep is no jump."""
        self._clockwatch.look(local_now().timestamp(), time.clock_gettime(time.CLOCK_BOOTTIME))

    def muted(self, *, muted: bool, why: str = "") -> None:
        """The microphone was shut off, or taken in again."""
        self.standing.muted = muted
        if muted:
            log.info("The microphone is muted%s.", f", {why}" if why else "", extra=fields(event="Muted"))
        else:
            log.info("The microphone is on again.", extra=fields(event="Unmuted"))
        if self._eventlog:
            self._eventlog.write("Muted" if muted else "Unmuted", time.monotonic(), state=self.standing.state)
        self._show_status()

    def note(self, sentence: str) -> None:
        """Show this for NOTE_S, or until the next; empty for nothing any more."""
        self.standing.note = sentence
        if self._note_end is not None:
            self._note_end.cancel()
        self._note_end = asyncio.get_running_loop().call_later(NOTE_S, self.note, "") if sentence else None
        self._show_status()

    def reloading(self) -> None:
        """The configuration is being read anew."""
        if self.standing.ready:
            self._notifier.reloading()

    def reloaded(self, note: str) -> None:
        """It was, or was not: `note` for a while."""
        if self.standing.ready:
            self._notifier.ready()
        self.note(note)

    def stopping(self) -> None:
        """Shutdown has begun."""
        self._notifier.stopping()
        log.info("Stopping.", extra=fields(event="Stopping"))
        self._end("Stopping")

    def stopped(self) -> None:
        """Nothing runs any more."""
        self._end("Stopped")

    def _end(self, told: str) -> None:
        self.standing.end = told
        self._show_status()

    def _show_status(self) -> None:
        self._notifier.status(self.standing.line())


def _details(event: ev.Event) -> dict[str, object]:
    """What else of an event is worth a field."""
    match event:
        case ev.WakeDetected(word, score):
            return {"word": word, "score": round(score, 3)}
        case ev.SessionEnded(error=code) | ev.ResponseEnded(error=code) if code:
            return {"code": code}
        case _:
            return {}
