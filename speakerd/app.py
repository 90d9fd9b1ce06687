"""The composition root: builds every part, wires them, starts in order, stops in reverse.

capture ─frames→ frontend ─Mailbox→ uplink ─→ link ─→ server
loudspeaker ←─ playback ←──────────────────── link ←─
                  └── events ─Mailbox→ conductor (machine) ─→ actions on link, uplink, playback
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from speakerd import parts, surroundings
from speakerd.cashier import Cashier
from speakerd.clerk import Clerk
from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config
from speakerd.conversation.actions import Earcon
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.events import (
    DeadlineReached,
    DuplexChanged,
    EchoMeasured,
    Event,
    SpeechDetected,
    StopRequested,
    WakeDetected,
)
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State
from speakerd.herald import Herald, notices_folder
from speakerd.mic.capture import Capture, FrameQueue
from speakerd.mic.frontend import FrontEnd
from speakerd.mic.gatekeeper import Gatekeeper
from speakerd.mic.listener import Listener
from speakerd.pcm import NearFrame
from speakerd.realtime.link import Link
from speakerd.realtime.outputs import (
    Delivery,
    ItemAudio,
    Report,
    ResponseFailed,
    ResponseUsage,
    Said,
    ToolsCalled,
    TranscriptionUsage,
    VoiceComplete,
)
from speakerd.realtime.settings import session_settings
from speakerd.service.announce import announce
from speakerd.service.eventlog import EventLog
from speakerd.service.notify import Notifier
from speakerd.service.reporter import Reporter
from speakerd.speaker.playback import Playback
from speakerd.threads import Mailbox

log = logging.getLogger(__name__)

EVENTS_BOUND = 1_000
"""Events that may wait for the loop. They are few: this many means that the loop hangs."""
FRAMES_BOUND = 50
"""Batches of 1 to 4 near frames that may wait for the loop: a second at least."""
STOP_S = 2.0
"""Time for a conversation to end when the daemon is told to stop."""
JOIN_S = 0.5
"""Time for the threads to end then; one that hangs in a device dies with the process."""


async def run(
    config: Config, key: ApiKey | None, events_path: Path | None, on_stop: Callable[[], None] = lambda: None
) -> bool:
    """Serve until SIGTERM or SIGINT, which call `on_stop`; False if a thread was left behind, hung in its device.

    Raises SpeakerdError for what the human must mend.
    A bug comes out as what it is, too: never as the group that a TaskGroup makes of one error.
    """
    stop = asyncio.Event()

    def ask_to_stop() -> None:
        if not stop.is_set():
            stop.set()
            on_stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop)
    announce(config, has_key=key is not None)
    try:
        # The events file is closed last: whatever still ends may write to it.
        with surroundings.eventlog(events_path) as eventlog:
            async with surroundings.server(config) as url, asyncio.TaskGroup() as tasks:
                app = App(config, url, key, eventlog, tasks)
                await app.serve(stop)
            return app.ended
    except BaseExceptionGroup as group:
        error = surroundings.only_error(group)
        raise error from error.__cause__


class App:
    """All parts, wired. Lives in the loop's thread."""

    def __init__(
        self, config: Config, url: str, key: ApiKey | None, eventlog: EventLog | None, tasks: asyncio.TaskGroup
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._tasks = tasks
        self._crash: asyncio.Future[None] = loop.create_future()
        loop.set_exception_handler(self._on_loop_error)
        self._crashes = Mailbox(loop, self._crash_of, bound=10, on_error=self._crash_of)
        self._events = Mailbox(loop, self._on_event, EVENTS_BOUND, self._crash_of)
        self._frames = Mailbox(loop, self._on_frames, FRAMES_BOUND, self._crash_of)
        self._devices = Mailbox(loop, self._on_device, 100, self._crash_of)
        self._stopping = self._stopped = False
        self.ended = True
        """False once a thread did not end when it was told to."""
        self._eventlog = eventlog
        self._reporter = Reporter(
            eventlog, Notifier(), self._counters, log_transcripts=config.conversation.log_transcripts
        )

        self._front_end = FrontEnd(config.wake, parts.make_duplex(config))
        self._playback = parts.make_playback(config, self._events.post, self._report_device, self._report_crash)
        queue = FrameQueue()
        self._capture = parts.make_capture(config.audio, queue, self._report_device, self._report_crash)
        self._listener = Listener(
            queue,
            self._front_end,
            self._playback,
            self._events.post,
            self._frames.post,
            lambda: self._conductor.state is not State.IDLE,
            self._report_crash,
        )
        folder = notices_folder(os.environ)
        self._herald = Herald(config.sounds, config.server.voice, folder, self._play_notice, tasks)
        self._cashier = Cashier(config, os.environ, lambda: self._link.octets, self._herald.remark)
        self._clerk = self._make_clerk(config)
        settings = session_settings(
            config.realtime,
            transcripts=config.conversation.log_transcripts,
            tools=self._clerk.tools(surroundings.tokens(config.skills.mcp, os.environ)),
        )
        secret = key.reveal if key else lambda: None
        self._link = Link(config.realtime, url, settings, secret, tasks, self._on_output, self._on_report)
        self._gatekeeper = Gatekeeper(self._send, config.realtime)
        rules = Rules.of(config.conversation, config.realtime, self._clerk.patience_s)
        self._conductor = Conductor(Machine(rules), self._link, self._gatekeeper, self._playback, loop)
        for part in (self._reporter, self._cashier, self._clerk, self._herald):
            self._conductor.observe(part.observe)
        self._conductor.observe(self._tell_parts)

    def _make_clerk(self, config: Config) -> Clerk:
        return Clerk(
            config.skills,
            parts.make_volume(config.audio, self._playback),
            self._cashier.purse,
            self._tasks,
            lambda event: self._conductor.dispatch(event),
            lambda session, outputs, *, reply: self._link.answer_tools(session, outputs, reply=reply),
        )

    def _counters(self) -> dict[str, int]:
        """Totals since the start."""
        return {
            "capture_xruns": self._capture.xruns,
            "capture_dropped": self._capture.dropped,
            "playback_xruns": self._playback.xruns,
            "playout_underruns": self._playback.underruns,
            "reference_late": self._playback.reference_late,
            "reference_realigned": self._playback.reference_realigned,
            "frame_batches_dropped": self._frames.dropped,
            "events_dropped": self._events.dropped,
            "uplink_frames": self._gatekeeper.sent_frames,
            "uplink_overflowed": self._gatekeeper.overflowed_frames,
            "events_ignored": self._conductor.ignored,
            "events_unwritten": self._eventlog.lost if self._eventlog else 0,
            "ledger_unwritten": self._cashier.lost,
            "sessions_renewed": self._link.renewed,
            "sessions_revived": self._link.revived,
            **self._clerk.counters(),
        }

    async def serve(self, stop: asyncio.Event) -> None:
        """Start, serve until `stop` is set, stop. Raises what a thread died of."""
        stopped = self._tasks.create_task(stop.wait(), name="stop")
        self._playback.start()
        self._listener.start()
        self._capture.start()
        progress = lambda: (self._front_end.frames_scored, self._playback.periods)  # noqa: E731
        watch = self._tasks.create_task(self._reporter.watch(progress, self._link.start), name="watch")
        try:
            await asyncio.wait((stopped, self._crash), return_when=asyncio.FIRST_COMPLETED)
            if not self._crash.done():
                await self._end_conversation()
            if self._crash.done():
                await self._crash
        finally:
            stopped.cancel()
            watch.cancel()
            self._stop()

    async def _end_conversation(self) -> None:
        self._stopping = True
        self._reporter.stopping()
        if self._conductor.state is State.IDLE:
            return
        ended = asyncio.Event()
        self._conductor.observe(lambda _event, _before, after, _now_s: ended.set() if after is State.IDLE else None)
        self._conductor.dispatch(StopRequested("shutdown"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await ended.wait()

    def _stop(self) -> None:
        """From here on nothing that comes in is heard: it could begin what nobody would end."""
        self._stopped = True
        for box in (self._events, self._frames, self._devices):
            box.close()
        self._conductor.stop()
        self._clerk.close()
        self._herald.close()
        self._link.stop()
        self._cashier.close()
        threads: dict[str, Capture | Listener | Playback]
        threads = {"microphone": self._capture, "front-end": self._listener, "loudspeaker": self._playback}
        for thread in threads.values():
            thread.stop()
        until_s = time.monotonic() + JOIN_S
        for name, thread in threads.items():
            if not thread.join(max(0.0, until_s - time.monotonic())):
                self.ended = False
                log.warning("The thread of the %s did not end in time; it is left behind.", name)

    # ------------------------------------------------------------ what comes in

    def _on_event(self, event: Event | SpeechDetected | DuplexChanged | EchoMeasured) -> None:
        if isinstance(event, SpeechDetected):
            self._reporter.local_speech(event)
            self._herald.heard(speech=event.started)
        elif isinstance(event, DuplexChanged | EchoMeasured):
            self._reporter.echo(event)
        elif not isinstance(event, WakeDetected) or self._may_begin():
            self._conductor.dispatch(event)

    def _may_begin(self) -> bool:
        """Whether a wake word counts: not at the end, and a new conversation only if there is money for it."""
        if self._stopping or self._conductor.state not in (State.IDLE, State.CLOSING):
            return not self._stopping
        if refusal := self._cashier.refusal():
            self._playback.play_earcon(Earcon.ERROR)
            self._reporter.refused(refusal.told, self._loop.time())
            self._herald.say(refusal.spoken)
            return False
        if self._herald.sounding:
            self._playback.flush()
        self._herald.hush()
        return True

    def _play_notice(self, pcm: bytes) -> None:
        if self._conductor.state is State.IDLE:
            self._playback.enqueue("notice", pcm)
            self._playback.end_response()

    def _tell_parts(self, event: Event, before: State, after: State, _now_s: float) -> None:
        self._link.pausing(after in (State.IDLE, State.LISTENING))
        if isinstance(event, DeadlineReached) and before is State.INTERRUPTED:
            self._front_end.no_words_followed()

    def _on_frames(self, frames: list[NearFrame]) -> None:
        for frame in frames:
            self._gatekeeper.push(frame)

    def _send(self, pcm: bytes) -> None:
        self._cashier.sent(pcm)
        self._link.append_audio(pcm)

    def _on_report(self, report: Report) -> None:
        if self._stopped:
            return
        match report:
            case ToolsCalled():
                self._clerk.serve(report)
            case ResponseUsage() | TranscriptionUsage():
                self._cashier.charge(report)
            case ResponseFailed():
                self._reporter.failed(report)

    def _on_output(self, output: Delivery) -> None:
        if self._stopped:
            return
        match output:
            case ItemAudio(item_id, pcm):
                self._cashier.received(pcm)
                if not self._playback.enqueue(item_id, pcm):
                    self._reporter.overflow()
            case VoiceComplete():
                self._playback.end_response()
            case Said():
                self._reporter.said(output.role, output.text, self._loop.time())
            case _:
                self._conductor.dispatch(output)

    def _report_device(self, name: str, trouble: str | None) -> None:
        """Thread-safe: called in the device's thread."""
        self._devices.post((name, trouble))

    def _on_device(self, condition: tuple[str, str | None]) -> None:
        self._reporter.device(*condition)

    def _report_crash(self, name: str, error: BaseException) -> None:
        """Thread-safe: called in the dying thread."""
        log.critical("The thread %s died: %s", name, error)
        self._crashes.post(error)

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A timer's callback raised: a bug like any other. The loop's other complaints are only logged."""
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):
            self._crash_of(error)
        else:
            loop.default_exception_handler(context)

    def _crash_of(self, error: BaseException) -> None:
        """End the daemon with this error; of several the first, the others are logged."""
        if self._stopped or self._crash.done():
            log.error("One more error at the end.", exc_info=error)
        else:
            self._crash.set_exception(error)
