"""The composition root: builds every part, wires them, starts in order, stops in reverse.

capture ─frames→ frontend ─Mailbox→ uplink ─→ link ─→ server
loudspeaker ←─ playback ←──────────────────── link ←─
                  └── events ─Mailbox→ conductor (machine) ─→ actions on link, uplink, playback
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from speakerd.config.credentials import ApiKey
from speakerd.config.model import Audio, Config
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.events import Event, SpeechDetected, StopRequested
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State
from speakerd.hw.alsa import AlsaSink, AlsaSource
from speakerd.mic.capture import Capture, FrameQueue
from speakerd.mic.frontend import FrontEnd
from speakerd.mic.gatekeeper import Gatekeeper
from speakerd.mic.listener import Listener
from speakerd.pcm import NearFrame
from speakerd.realtime.link import Link
from speakerd.realtime.protocol import Delivery, ItemAudio, Said, VoiceComplete
from speakerd.realtime.settings import session_settings
from speakerd.service.eventlog import EventLog
from speakerd.service.notify import Notifier
from speakerd.service.reporter import Reporter
from speakerd.speaker.playback import Playback
from speakerd.speaker.sounds import load_earcons
from speakerd.threads import Mailbox

log = logging.getLogger(__name__)

EVENTS_BOUND = 1_000
"""Events that may wait for the loop. They are few: this many means that the loop hangs."""
FRAMES_BOUND = 50
"""Batches of 1 to 4 near frames that may wait for the loop: a second at least."""
STOP_S = 2.0
"""Time for a conversation to end when the daemon is told to stop."""
JOIN_S = 0.5
"""Time for each thread to end then; one that hangs in a device dies with the process."""


async def run(config: Config, key: ApiKey | None, events_path: Path | None) -> None:
    """Serve until SIGTERM or SIGINT. Raises SpeakerdError for what the human must mend."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _announce(config, key)
    async with _server(config) as url, asyncio.TaskGroup() as tasks:
        app = App(config, url, key, events_path, tasks)
        await app.serve(stop)


def _announce(config: Config, key: ApiKey | None) -> None:
    """Say what this daemon is about to do, and what it lacks for that."""
    words = ", ".join(word.model for word in config.wake.words)
    audio, url = config.audio, config.realtime.url
    log.info("Microphone %s, loudspeaker %s, wake word %s.", audio.capture_device, audio.playback_device, words)
    log.info("Server %s, model %s.", url, config.realtime.model)
    if key is None and url.startswith("wss://"):
        log.warning("No API key: store one as the credential openai-api-key or in OPENAI_API_KEY.")


@contextlib.asynccontextmanager
async def _server(config: Config) -> AsyncIterator[str]:
    """Where to connect; the embedded server runs meanwhile if that is asked for."""
    if config.realtime.url != "embedded":
        yield config.realtime.url
        return
    from speakerd.server.embedded import serve_embedded  # its ears are large: only for those who ask

    async with serve_embedded(config.server) as url:
        yield url


class App:
    """All parts, wired. Lives in the loop's thread."""

    def __init__(
        self, config: Config, url: str, key: ApiKey | None, events_path: Path | None, tasks: asyncio.TaskGroup
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._tasks = tasks
        self._crash: asyncio.Future[None] = loop.create_future()
        self._crashes = Mailbox(loop, self._on_crash, bound=10)
        self._events = Mailbox(loop, self._on_event, EVENTS_BOUND)
        self._frames = Mailbox(loop, self._on_frames, FRAMES_BOUND)
        self._eventlog = EventLog(events_path) if events_path else None
        self._reporter = Reporter(
            self._eventlog, Notifier(), self._counters, log_transcripts=config.conversation.log_transcripts
        )
        self._devices = Mailbox(loop, self._on_device, bound=100)

        self._front_end = FrontEnd(config.wake, config.conversation.barge_in)
        self._playback = self._make_playback(config)
        queue = FrameQueue()
        self._capture = self._make_capture(config.audio, queue)
        self._listener = Listener(
            queue,
            self._front_end,
            self._playback,
            self._events.post,
            self._frames.post,
            lambda: self._conductor.state is not State.IDLE,
            self._report_crash,
        )
        settings = session_settings(config.realtime, transcripts=config.conversation.log_transcripts)
        self._link = Link(config.realtime, url, settings, lambda: key.reveal() if key else None, tasks, self._on_output)
        self._gatekeeper = Gatekeeper(self._link.append_audio, config.realtime.turn_detection)
        self._conductor = Conductor(
            Machine(Rules.of(config.conversation, config.realtime)), self._link, self._gatekeeper, self._playback, loop
        )
        self._conductor.observe(self._reporter.observe)

    def _make_playback(self, config: Config) -> Playback:
        audio = config.audio
        return Playback(
            lambda: AlsaSink(audio.playback_device, audio.playback_rate_hz, audio.playback_buffer_ms),
            load_earcons(config.sounds),
            self._events.post,
            lambda trouble: self._report_device("loudspeaker", trouble),
            self._report_crash,
            volume_percent=audio.volume_percent,
        )

    def _make_capture(self, audio: Audio, queue: FrameQueue) -> Capture:
        return Capture(
            lambda: AlsaSource(audio.capture_device, audio.capture_rate_hz, audio.capture_channel),
            queue,
            lambda trouble: self._report_device("microphone", trouble),
            self._report_crash,
        )

    def _counters(self) -> dict[str, int]:
        """Totals since the start."""
        return {
            "capture_xruns": self._capture.xruns,
            "capture_dropped": self._capture.dropped,
            "playback_xruns": self._playback.xruns,
            "playout_underruns": self._playback.underruns,
            "frames_dropped": self._frames.dropped,
            "events_dropped": self._events.dropped,
            "uplink_frames": self._gatekeeper.sent_frames,
            "uplink_overflowed": self._gatekeeper.overflowed_frames,
            "events_ignored": self._conductor.ignored,
        }

    async def serve(self, stop: asyncio.Event) -> None:
        """Start, serve until `stop` is set, stop. Raises what a thread died of."""
        stopped = self._tasks.create_task(stop.wait(), name="stop")
        self._playback.start()
        self._listener.start()
        self._capture.start()
        watch = self._tasks.create_task(self._watch(), name="watch")
        try:
            await asyncio.wait((stopped, self._crash), return_when=asyncio.FIRST_COMPLETED)
            if self._crash.done():
                await self._crash
            await self._end_conversation()
        finally:
            stopped.cancel()
            watch.cancel()
            self._stop()

    async def _watch(self) -> None:
        """Say READY once real frames have passed the wake model, then keep the watchdog fed while they do."""
        await self._reporter.watch(lambda: (self._front_end.frames_scored, self._playback.periods))

    async def _end_conversation(self) -> None:
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
        self._conductor.stop()
        self._link.abort()
        parts = (self._capture, self._listener, self._playback)
        for part in parts:
            part.stop()
        for part in parts:
            if not part.join(JOIN_S):
                log.warning("A thread did not end in time; its device hangs.")
        if self._eventlog:
            self._eventlog.close()

    # ------------------------------------------------------------ what comes in

    def _on_event(self, event: Event | SpeechDetected) -> None:
        if isinstance(event, SpeechDetected):
            self._reporter.local_speech(event)
        else:
            self._conductor.dispatch(event)

    def _on_frames(self, frames: list[NearFrame]) -> None:
        for frame in frames:
            self._gatekeeper.push(frame)

    def _on_output(self, output: Delivery) -> None:
        match output:
            case ItemAudio(item_id, pcm):
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
        self._crashes.post((name, error))

    def _on_crash(self, crash: tuple[str, BaseException]) -> None:
        name, error = crash
        log.critical("The thread %s died: %s", name, error)
        if not self._crash.done():
            self._crash.set_exception(error)
