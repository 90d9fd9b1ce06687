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

from speakerd import __version__, parts, surroundings
from speakerd.butler import Butler
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
from speakerd.herald import Herald, notices_folder
from speakerd.logfields import fields
from speakerd.mic.capture import Capture, FrameQueue
from speakerd.mic.frontend import FrontEnd
from speakerd.mic.gatekeeper import Gatekeeper
from speakerd.mic.listener import Listener
from speakerd.pcm import NearFrame
from speakerd.realtime.link import Link
from speakerd.realtime.reader import Json
from speakerd.service.announce import announce, without_secrets
from speakerd.service.ctl.door import Door
from speakerd.service.ctl.place import own_socket
from speakerd.service.eventlog import EventLog
from speakerd.service.mutefile import MuteFile, mute_file
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
"""Batches of 1 to 4 near frames that may wait for the loop: a second at least."""
DEVICES_BOUND = 100
"""Conditions of the cards that may wait."""
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
            async with surroundings.servers(config) as servers, asyncio.TaskGroup() as tasks:
                app = App(config, servers, key, eventlog, tasks)
                await app.serve(stop)
            return app.ended
    except BaseExceptionGroup as group:
        error = surroundings.only_error(group)
        raise error from error.__cause__


class App:
    """All parts, wired. Lives in the loop's thread."""

    def __init__(
        self,
        config: Config,
        servers: surroundings.Servers,
        key: ApiKey | None,
        eventlog: EventLog | None,
        tasks: asyncio.TaskGroup,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = tasks
        self._crashes = Crashes(loop)
        report_crash = self._crashes.report
        on_bug = self._crashes.take
        self._events = Mailbox[Tidings](loop, lambda event: self._board.take_event(event), EVENTS_BOUND, on_bug)
        self._frames = Mailbox[list[NearFrame]](loop, lambda some: self._board.take_frames(some), FRAMES_BOUND, on_bug)
        self._devices = Mailbox[tuple[str, str | None]](
            loop, lambda condition: self._reporter.device(*condition), DEVICES_BOUND, on_bug
        )
        self.ended = True
        """False once a thread did not end when it was told to."""
        self._eventlog = eventlog
        self._reporter = Reporter(eventlog, Notifier(), self._counters)
        self.transcripts = Transcripts()
        """To subscribe to; before the app is built to the end nobody but the scribe does."""
        scribe = Scribe(config.transcripts, eventlog, lambda: self._conductor.state)
        if scribe.wanted:
            self.transcripts.subscribe(scribe.take)

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
        folder = notices_folder(os.environ)
        self._herald = Herald(
            config.sounds, config.server.voice, folder, lambda pcm: self._board.play_notice(pcm), tasks
        )
        self._cashier = Cashier(
            config, os.environ, lambda: self._link.octets, self._herald.remark, lambda: self._link.standing_in
        )
        self._volume = parts.make_volume(config.audio, self._playback)
        self._clerk = self._make_clerk(config)
        cast = Cast(config)
        sessions = self._make_sessions(config, cast)
        self._link = self._make_link(config, servers, key, sessions[cast.default.name][1])
        self._gatekeeper = Gatekeeper(lambda pcm: self._board.send(pcm), config.realtime)
        rules = Rules.of(config.conversation, config.realtime, self._clerk.patience_s)
        self._conductor = Conductor(Machine(rules), self._link, self._gatekeeper, self._playback, loop)
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
            cast,
            sessions,
            self.transcripts,
        )
        for part in (self._reporter, self._cashier, self._clerk, self._herald, self._board):
            self._conductor.observe(part.observe)
        self._config = config
        self._started_s = loop.time()
        self._butler = Butler(
            self._board,
            self._reporter,
            self._herald,
            self._volume,
            MuteFile(mute_file(os.environ)),
            words=lambda: self._board.cast.words,
            newest_index=lambda: self._capture.frames - 1,
            facts=self._facts,
        )
        socket = own_socket(os.environ)
        self._door = Door(socket, self._butler.serve, tasks) if socket else None

    def _make_clerk(self, config: Config) -> Clerk:
        return Clerk(
            config.skills,
            self._volume,
            self._cashier.purse,
            self._tasks,
            lambda event: self._conductor.dispatch(event),
            lambda session, outputs, *, reply: self._link.answer_tools(session, outputs, reply=reply),
        )

    def _make_sessions(self, config: Config, cast: Cast) -> dict[str, tuple[str, Json]]:
        tokens = surroundings.tokens(config.skills.mcp, os.environ)
        self._clerk.complain(tokens)
        for sentence in cast.unknown_skills(self._clerk.names):
            log.warning("%s", sentence, extra=fields(event="SkillUnknown"))
        return cast.sessions(lambda names: self._clerk.tools(tokens, names), transcripts=self.transcripts.wanted)

    def _make_link(self, config: Config, servers: surroundings.Servers, key: ApiKey | None, settings: Json) -> Link:
        return Link(
            config.realtime,
            servers.url,
            settings,
            key.reveal if key else lambda: None,
            self._tasks,
            lambda output: self._board.take_output(output),
            lambda report: self._board.take_report(report),
            servers.stand_in,
        )

    def _facts(self) -> dict[str, Any]:
        """What the control socket tells of the daemon as a whole."""
        return {
            "version": __version__,
            "pid": os.getpid(),
            "running_s": round(asyncio.get_running_loop().time() - self._started_s, 1),
            "wake_words": list(self._board.cast.words),
            "server": without_secrets(self._config.realtime.url),
            "counters": self._counters(),
        }

    def _counters(self) -> dict[str, int]:
        """Totals since the start."""
        return {
            "capture_xruns": self._capture.xruns,
            "capture_dropped": self._capture.dropped,
            "playback_xruns": self._playback.xruns,
            "playout_underruns": self._playback.underruns,
            "reference_late": self._playback.reference_late,
            "reference_realigned": self._playback.reference_realigned,
            "echo_jumps": self._front_end.echo_jumps,
            "frame_batches_dropped": self._frames.dropped,
            "events_dropped": self._events.dropped,
            "uplink_frames": self._gatekeeper.sent_frames,
            "uplink_overflowed": self._gatekeeper.overflowed_frames,
            "events_ignored": self._conductor.ignored,
            "events_unwritten": self._eventlog.lost if self._eventlog else 0,
            "ledger_unwritten": self._cashier.lost,
            "sessions_renewed": self._link.renewed,
            "sessions_revived": self._link.revived,
            "transcript_failures": self.transcripts.failures,
            "ctl_requests": self._door.requests if self._door else 0,
            "ctl_turned_away": self._door.turned_away if self._door else 0,
            **self._clerk.counters(),
        }

    async def serve(self, stop: asyncio.Event) -> None:
        """Start, serve until `stop` is set, stop. Raises what a thread died of."""
        stopped = self._tasks.create_task(stop.wait(), name="stop")
        self._butler.recall()
        if self._door is not None and (trouble := self._door.open()):
            log.warning(
                "`speakerd ctl` will not reach this daemon: %s.", trouble, extra=fields(event="CtlAway", reason=trouble)
            )
        self._playback.start()
        self._listener.start()
        self._capture.start()
        progress = lambda: (self._front_end.frames_scored, self._playback.periods)  # noqa: E731
        watch = self._tasks.create_task(self._reporter.watch(progress, self._link.start), name="watch")
        try:
            await asyncio.wait((stopped, self._crashes.first), return_when=asyncio.FIRST_COMPLETED)
            if not self._crashes.first.done():
                await self._end_conversation()
            if self._crashes.first.done():
                await self._crashes.first
        finally:
            stopped.cancel()
            watch.cancel()
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
        if self._door is not None:
            self._door.close()
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

    def _report_device(self, name: str, trouble: str | None) -> None:
        """Thread-safe: called in the device's thread."""
        self._devices.post((name, trouble))
