"""Tells the outside what goes on: the journal, `systemctl status`, the events file, the watchdog.

Observes; decides nothing. Lives in the loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import asdict

from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.conversation.turnclock import TurnClock
from speakerd.service.eventlog import EventLog
from speakerd.service.journal import fields
from speakerd.service.notify import Notifier

log = logging.getLogger(__name__)

READY_POLL_S = 0.05
PATIENCE_S = 5.0
"""Time after which a start without sound is called a problem."""
LOOK_S = 10.0
"""How often to look whether sound moves; more often if the watchdog wants to be fed more often."""
RETRY_S = 30.0
"""A device in trouble that was not tried again for so long hangs."""

STATUS = {
    State.IDLE: "Waiting for the wake word",
    State.CONNECTING: "Heard the wake word, connecting",
    State.LISTENING: "Listening to the user",
    State.THINKING: "Waiting for the answer",
    State.SPEAKING: "Answering",
    State.INTERRUPTED: "Interrupted, listening for words",
    State.CLOSING: "Ending the conversation",
}


class Reporter:
    """One for the life of the daemon."""

    def __init__(
        self,
        eventlog: EventLog | None,
        notifier: Notifier,
        counters: Callable[[], dict[str, int]],
        *,
        log_transcripts: bool,
    ) -> None:
        """`counters` gives the totals of all that went wrong or was sent; asked after each conversation."""
        self._eventlog = eventlog
        self._notifier = notifier
        self._counters = counters
        self._log_transcripts = log_transcripts
        self._clock = TurnClock()
        self._state = State.IDLE
        self._troubles: dict[str, str] = {}
        self._tried_s: dict[str, float] = {}
        self._ready = False
        self._half_duplex = ""

    # ------------------------------------------------------------ the conversation

    def observe(self, event: ev.Event, before: State, after: State, now_s: float) -> None:
        """The conductor's observer."""
        figures = self._clock.handle(event, before, after, now_s)
        if self._eventlog:
            self._eventlog.event(event, before, after, now_s, figures)
        level, sentence = describe(event, before, after, figures)
        name = type(event).__name__
        heard = {"word": event.word, "score": round(event.score, 3)} if isinstance(event, ev.WakeDetected) else {}
        log.log(level, "%s", sentence, extra=fields(event=name, state=after, from_state=before, **heard, **figures))
        self._state = after
        if after is State.IDLE and before is not State.IDLE:
            self._count(now_s)
        self._show_status()

    def _count(self, now_s: float) -> None:
        """The totals, for the journal and the events file."""
        counters = self._counters()
        if self._eventlog:
            self._eventlog.write("Counters", now_s, state=self._state, **counters)
        log.debug("Totals since the start.", extra=fields(event="Counters", state=self._state, **counters))

    def local_speech(self, event: ev.SpeechDetected) -> None:
        """The local voice detector changed its mind."""
        log.debug("Local speech %s.", "begins" if event.started else "ends", extra=fields(level_dbfs=event.level_dbfs))

    def echo(self, event: ev.DuplexChanged | ev.EchoMeasured) -> None:
        """How speaking over the assistant stands: when that changes, and a conversation's figures."""
        figures = {name: value for name, value in asdict(event).items() if value not in (None, "")}
        if self._eventlog:
            self._eventlog.write(type(event).__name__, time.monotonic(), state=self._state, **figures)
        if isinstance(event, ev.EchoMeasured):
            if figures:
                rounded = {name: round(value, 1) for name, value in figures.items()}
                log.info("%s", _describe_echo(event), extra=fields(event="EchoMeasured", **rounded))
            return
        self._half_duplex = event.reason
        if event.reason:
            log.warning(
                "Only the wake word interrupts the assistant now: %s.",
                event.reason,
                extra=fields(event="HalfDuplex"),
            )
        else:
            log.info("Speech interrupts the assistant again.", extra=fields(event="FullDuplex"))
        self._show_status()

    def said(self, role: str, text: str, now_s: float) -> None:
        """A transcript: into the events file if the configuration asks for it, else nowhere."""
        if self._eventlog and self._log_transcripts:
            self._eventlog.write("Said", now_s, state=self._state, role=role, text=text)

    def overflow(self) -> None:
        """A reply is longer than the playout buffer holds; the rest of it is lost."""
        log.warning("The reply is too long to keep; a part of it was left out.", extra=fields(event="PlayoutOverflow"))

    # ------------------------------------------------------------ devices

    def device(self, name: str, trouble: str | None) -> None:
        """`name` (microphone, loudspeaker) works (None) or does not (why): told anew with every retry."""
        self._tried_s[name] = time.monotonic()
        if trouble is None:
            if self._troubles.pop(name, None) is not None:
                log.info("The %s works again.", name, extra=fields(event="DeviceWorks", device=name))
        elif self._troubles.get(name) != trouble:
            self._troubles[name] = trouble
            log.error("The %s does not work: %s", name, trouble, extra=fields(event="DeviceFailed", device=name))
        self._show_status()

    # ------------------------------------------------------------ the service

    async def watch(self, progress: Callable[[], tuple[int, int]]) -> None:
        """Say READY once sound has moved, then feed the watchdog while it goes on moving. Runs until cancelled.

        `progress` counts near frames that passed the wake detector, and periods played. What stands still
        because its device is missing is no hang: restarting the daemon would not bring the device back.
        """
        await self._until_ready(progress)
        self._ready = True
        self._notifier.ready()
        self._show_status()
        if self._eventlog:
            self._eventlog.write("Ready", time.monotonic(), state=self._state)
        log.info("Ready: waiting for the wake word.", extra=fields(event="Ready", state=self._state))
        await self._keep_looking(progress)

    async def _keep_looking(self, progress: Callable[[], tuple[int, int]]) -> None:
        interval_s = min(self._notifier.watchdog_interval_s or LOOK_S, LOOK_S)
        before, hung = progress(), False
        while True:
            await asyncio.sleep(interval_s)
            now = progress()
            still = self._still(before, now)
            before, was_hung, hung = now, hung, not all(map(self._retrying, still))
            if not hung:
                self._notifier.alive()
            if hung and not was_hung:
                log.error("No sound moves: %s", _nothing_passes(still), extra=fields(event="Stalled"))
            elif was_hung and not still:
                log.info("Sound moves again.", extra=fields(event="Moves"))

    def stopping(self) -> None:
        """Shutdown has begun."""
        self._notifier.stopping()
        log.info("Stopping.", extra=fields(event="Stopping"))

    async def _until_ready(self, progress: Callable[[], tuple[int, int]]) -> None:
        waited_s = 0.0
        while min(progress()) == 0:
            await asyncio.sleep(READY_POLL_S)
            waited_s += READY_POLL_S
            if waited_s >= PATIENCE_S:
                waited_s = 0.0
                still = self._still((0, 0), progress())
                if all(map(self._retrying, still)):
                    self._notifier.need_time(RETRY_S)  # else systemd would give up a start that may yet succeed
                else:
                    log.warning("Not ready yet: %s", _nothing_passes(still), extra=fields(event="NotReady"))

    @staticmethod
    def _still(before: tuple[int, int], now: tuple[int, int]) -> list[str]:
        """The devices that no sound has passed in between."""
        return [name for name, a, b in zip(("microphone", "loudspeaker"), before, now, strict=True) if a == b]

    def _retrying(self, name: str) -> bool:
        """True if `name` does not work, that is known, and its thread goes on trying."""
        return name in self._troubles and time.monotonic() - self._tried_s[name] < RETRY_S

    def _show_status(self) -> None:
        troubles = "".join(f"; {name}: {trouble}" for name, trouble in self._troubles.items())
        half = f"; only the wake word interrupts: {self._half_duplex}" if self._half_duplex else ""
        self._notifier.status((STATUS[self._state] if self._ready else "Starting") + troubles + half)


def _nothing_passes(devices: list[str]) -> str:
    return f"nothing passes the {' and the '.join(devices)}."


def _describe_echo(event: ev.EchoMeasured) -> str:
    """The figures of a conversation in one sentence."""
    parts = {
        "the echo came at {:.0f} dBFS": event.echo_dbfs,
        "{:.0f} dB of it were cancelled": event.erle_db,
        "it came {:.0f} ms after its reference": event.echo_delay_ms,
        "the user spoke at {:.0f} dBFS": event.near_dbfs,
    }
    told = ", ".join(text.format(value) for text, value in parts.items() if value is not None)
    return f"{told[0].upper()}{told[1:]}."


def describe(event: ev.Event, before: State, after: State, figures: dict[str, float]) -> tuple[int, str]:
    """Log level and one plain sentence for the journal."""
    match event:
        case ev.WakeDetected(word, score):
            told = {State.IDLE: "; connecting", State.SPEAKING: " over the reply; listening"}.get(before, "")
            return logging.INFO, f"Heard {word} (score {score:.2f}){told}."
        case ev.SessionReady():
            return logging.INFO, f"Connected {figures.get('wake_to_live_ms', 0):.0f} ms after the wake word; listening."
        case ev.SessionEnded(error=error, message=message) if error:
            return logging.WARNING, f"The session ended ({error}): {message}"
        case ev.PlayoutStarted() if "turn_end_to_sound_ms" in figures:
            return logging.INFO, f"Answering, {figures['turn_end_to_sound_ms']:.0f} ms after the user had finished."
        case ev.BargeInDetected() if before is State.SPEAKING and after is not before:
            return logging.INFO, "The user speaks over the reply; listening."
        case ev.PlayoutFlushed(items) if items:
            return logging.INFO, f"The reply was cut after {items[0].heard_ms} ms."
        case ev.ResponseEnded(status=status, error=error) if status in ("failed", "incomplete"):
            return logging.WARNING, f"The service did not finish its answer: {status} ({error or 'no reason given'})."
        case ev.DeadlineReached():
            return _describe_deadline(before, after)
        case ev.StopRequested(reason):
            return logging.INFO, f"The conversation is to end ({reason})."
        case _ if after is State.IDLE and before is not State.IDLE:
            return logging.INFO, "The conversation is over; waiting for the wake word."
        case _:
            return logging.DEBUG, f"{type(event).__name__}: {before} to {after}."


def _describe_deadline(before: State, after: State) -> tuple[int, str]:
    if before is State.LISTENING and after is State.CLOSING:
        return logging.INFO, "Silence; ending the conversation."
    if before is State.INTERRUPTED:
        return logging.INFO, "No words followed; the reply goes on where it was."
    slow = {
        State.CONNECTING: "The server did not answer in time; giving up. Is the network up?",
        State.LISTENING: "The user's turn lasted too long; asking for an answer.",
        State.THINKING: "No answer came in time; listening again.",
        State.SPEAKING: "The reply lasted too long; listening again.",
        State.CLOSING: "The server did not close the session in time; cut off.",
    }
    return logging.WARNING, slow.get(before, "A deadline passed.")
