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
import time
from collections.abc import Callable

from speakerd import parts, surroundings
from speakerd.cashier import Cashier
from speakerd.cast import Cast
from speakerd.clerk import Clerk
from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.events import StopRequested
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State
from speakerd.crashes import Crashes
from speakerd.errors import DeviceError
from speakerd.gauges import Gauges
from speakerd.herald import Herald, notices_folder
from speakerd.hw.mixer import loudspeaker_volume
from speakerd.logfields import fields
from speakerd.mic.capture import Capture, FrameQueue
from speakerd.mic.frontend import FrontEnd
from speakerd.mic.gatekeeper import Gatekeeper
from speakerd.mic.listener import Listener
from speakerd.pcm import NearFrame
from speakerd.realtime.link import Link
from speakerd.reception import Reception
from speakerd.refit import Refit, sessions_of
from speakerd.service.announce import without_secrets
from speakerd.service.eventlog import EventLog
from speakerd.service.notify import Notifier
from speakerd.service.reporter import Reporter
from speakerd.service.scribe import Scribe
from speakerd.speaker.playback import Playback
from speakerd.switchboard import Switchboard, Tidings
from speakerd.threads import Mailbox
from speakerd.transcripts import Transcripts

log = logging.getLogger(__name__)

EVENTS_BOUND = 1_000
"""Events that may wait for the loop. They are few: this many means that the loop hangs."""
FRAMES_BOUND = 50
"""Batches of 1 to 27 near frames that may wait for the loop: a second at least."""
DEVICES_BOUND = 100
"""Conditions of the cards that may wait."""
STOP_S = 2.0
"""Time for a conversation to end when the daemon is told to stop."""
JOIN_S = 0.5
"""Time for the threads to end then; one that hangs in a device dies with the process."""


class App:
    """All parts, wired. Lives in the loop's thread."""

    def __init__(
        self,
        config: Config,
        servers: surroundings.Servers,
        key: ApiKey | None,
        eventlog: EventLog | None,
        tasks: asyncio.TaskGroup,
        read_again: Callable[[], Config] | None = None,
    ) -> None:
        self._tasks = tasks
        self._crashes = Crashes(asyncio.get_running_loop())
        self.ended = True
        """False once a thread did not end when it was told to."""
        self.transcripts = Transcripts()
        """To subscribe to; before the app is built to the end nobody but the scribe does."""
        self._make_mailboxes()
        self._make_books(config, eventlog)
        self._make_sound(config)
        self._make_conversation(config, servers, key)
        self._make_doors(config, read_again or (lambda: config), eventlog)

    def _make_mailboxes(self) -> None:
        """Where what threads have to say comes into the loop."""
        loop, on_bug = asyncio.get_running_loop(), self._crashes.take
        self._events = Mailbox[Tidings](loop, lambda event: self._board.take_event(event), EVENTS_BOUND, on_bug)
        self._frames = Mailbox[list[NearFrame]](loop, lambda some: self._board.take_frames(some), FRAMES_BOUND, on_bug)
        self._devices = Mailbox[tuple[str, DeviceError | None]](
            loop, lambda condition: self._board.take_device(*condition), DEVICES_BOUND, on_bug
        )

    def _make_books(self, config: Config, eventlog: EventLog | None) -> None:
        """What is told, said aloud, written down and paid."""
        self._reporter = Reporter(eventlog, Notifier(), lambda: self._gauges.counters())
        self._scribe = Scribe(config.transcripts, eventlog, lambda: self._conductor.state)
        self._stop_writing: Callable[[], None] = lambda: None
        self._transcribe(config)
        self._herald = Herald(
            config.sounds,
            config.server.voice,
            notices_folder(os.environ),
            lambda pcm: self._board.play_notice(pcm),
            self._tasks,
        )
        self._cashier = Cashier(
            config, os.environ, lambda: self._link.octets, self._herald.remark, lambda: self._link.standing_in
        )

    def _make_sound(self, config: Config) -> None:
        """The way of the sound, in and out, with its threads."""
        report_crash = self._crashes.report
        self._front_end = FrontEnd(config.wake, parts.make_duplex(config))
        self._playback = parts.make_playback(config, self._events.post, self._report_device, report_crash)
        queue = FrameQueue()
        self._capture = parts.make_capture(config.audio, queue, self._report_device, report_crash)
        self._listener = Listener(
            queue,
            self._front_end,
            self._playback,
            self._events.post,
            self._frames.post,
            lambda: self._conductor.state is not State.IDLE,
            report_crash,
        )
        self._own_volume = parts.own_volume(self._playback)
        self._volume = loudspeaker_volume(config.audio.playback_device, self._own_volume)

    def _make_conversation(self, config: Config, servers: surroundings.Servers, key: ApiKey | None) -> None:
        """Who decides, who acts, and the board on which all lines meet."""
        self._clerk = self._make_clerk(config)
        self._link = self._make_link(config, servers, key)
        self._gatekeeper = Gatekeeper(lambda pcm: self._board.send(pcm), config.realtime)
        rules = Rules.of(config.conversation, config.realtime, self._clerk.patience_s)
        self._conductor = Conductor(
            Machine(rules), self._link, self._gatekeeper, self._playback, asyncio.get_running_loop()
        )
        self._board = Switchboard(
            self._conductor,
            self._link,
            self._gatekeeper,
            self._front_end,
            self._playback,
            self._reporter,
            self._reporter.stopwatch,
            self._cashier,
            self._clerk,
            self._herald,
            Cast(config),
            {},
            self.transcripts,
        )
        self._board.sessions = sessions_of(self._board, surroundings.tokens(config, os.environ))
        self._link.use(*self._board.sessions[self._board.cast.default.name])

    def _make_doors(self, config: Config, read_again: Callable[[], Config], eventlog: EventLog | None) -> None:
        """How it is commanded and changed while it runs, and what can be read of it."""
        refit = Refit(
            config,
            read_again,
            os.environ,
            self._board,
            self._listener,
            self._herald,
            self._cashier,
            self._own_volume,
            self._transcribe,
        )
        for part in (self._reporter, self._cashier, self._clerk, self._herald, self._board, refit):
            self._conductor.observe(part.observe)
        newest_index, about = (lambda: self._capture.frames - 1), (lambda: self._gauges.facts())
        self._reception = Reception(self._board, refit, self._herald, self._volume, newest_index, about, self._tasks)
        self._gauges: Gauges = Gauges(
            self._board,
            self._cashier,
            self._capture,
            self._listener,
            self._playback,
            self._frames,
            self._events,
            eventlog,
            self._reception,
            without_secrets(config.realtime.url),
        )

    def _make_clerk(self, config: Config) -> Clerk:
        return Clerk(
            config.skills,
            self._volume,
            self._cashier.purse,
            self._tasks,
            lambda event: self._conductor.dispatch(event),
            lambda session, outputs, *, reply: self._link.answer_tools(session, outputs, reply=reply),
        )

    def _make_link(self, config: Config, servers: surroundings.Servers, key: ApiKey | None) -> Link:
        return Link(
            config.realtime,
            servers.url,
            {},
            key.reveal if key else lambda: None,
            self._tasks,
            lambda output: self._board.take_output(output),
            lambda report: self._board.take_report(report),
            servers.stand_in,
        )

    def _transcribe(self, config: Config) -> None:
        """What is said is written down as this configuration asks."""
        self._stop_writing()
        self._scribe.use(config.transcripts)
        self._stop_writing = self.transcripts.subscribe(self._scribe.take) if self._scribe.wanted else lambda: None

    async def serve(self, stop: asyncio.Event, reload: asyncio.Event) -> None:
        """Start, serve until `stop` is set, stop; read the configuration anew whenever `reload` is set.

        Raises what a thread died of.
        """
        reloads = self._tasks.create_task(self._reception.keep_reloading(reload), name="reload")
        stopped = self._tasks.create_task(stop.wait(), name="stop")
        self._reception.open()
        self._playback.start()
        self._listener.start()
        self._capture.start()
        watch = self._tasks.create_task(self._reporter.watch(self._gauges.progress, self._link.start), name="watch")
        try:
            await asyncio.wait((stopped, self._crashes.first), return_when=asyncio.FIRST_COMPLETED)
            if not self._crashes.first.done():
                await self._end_conversation()
            if self._crashes.first.done():
                await self._crashes.first
        finally:
            for task in (stopped, watch, reloads):
                task.cancel()
            self._stop()

    async def _end_conversation(self) -> None:
        self._board.stopping = True
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
        self._crashes.close()
        self._reception.close()
        self._board.closed = True
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
                told = fields(event="ThreadLeftBehind", thread=name)
                log.warning("The thread of the %s did not end in time; it is left behind.", name, extra=told)
        self._reporter.stopped()

    def _report_device(self, name: str, error: DeviceError | None) -> None:
        """Thread-safe: called in the device's thread."""
        self._devices.post((name, error))
