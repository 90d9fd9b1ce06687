"""The loudspeaker's thread: pull a period, mix, write, and tell what was heard.

In a conversation the card is fed without a pause, with silence when nothing plays, so the delay to the
loudspeaker is always known. After ten idle seconds the card rests: feeding it costs 1.6 % of a core
(measured on the virtual card), and it starts again within a millisecond.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from speakerd.conversation.events import Event, PlayoutDrained, PlayoutFlushed, PlayoutStarted
from speakerd.errors import DeviceError
from speakerd.hw.device import PcmSink
from speakerd.hw.silent import SilentSink
from speakerd.pcm import FarFrame
from speakerd.speaker.earcons import Earcons
from speakerd.speaker.line import Line
from speakerd.speaker.playout import DEFAULT_BOUND_S, DEFAULT_PREFILL_MS
from speakerd.speaker.reference import Reference
from speakerd.threads import Worker

_FIRST_RETRY_S = 0.25
_LAST_RETRY_S = 5.0
_STAND_IN_RATE_HZ = 48_000
_STAND_IN_BUFFER_MS = 80
_REST_AFTER_PERIODS = 500
_REST_CHECK_S = 1.0


class Playback:
    """Owns the loudspeaker, in the thread `playback`. All public methods are thread-safe and never wait for the card.

    While there is no card the sound goes on unheard at its own pace, so a conversation never gets stuck.
    """

    def __init__(
        self,
        open_sink: Callable[[], PcmSink],
        earcons: Earcons,
        post: Callable[[Event], object],
        on_state: Callable[[str | None], None],
        on_crash: Callable[[str, BaseException], None],
        *,
        volume_percent: int = 100,
        prefill_ms: int = DEFAULT_PREFILL_MS,
        bound_s: float = DEFAULT_BOUND_S,
    ) -> None:
        """`open_sink` may raise DeviceError; `on_state` hears its message, and None when a card works.

        `bound_s` is the most sound that may wait: more than the longest reply, as it may come all at once.

        All callbacks run in the playback thread, except `on_crash(name, error)`: in the dying one.
        """
        self.xruns = 0
        """Times the card ran empty."""
        self.periods = 0
        """Periods written, and looks at a resting card; stands still when the thread hangs."""
        self._open_sink = open_sink
        self._earcons = earcons
        self._post = post
        self._on_state = on_state
        self._prefill_ms = prefill_ms
        self._bound_s = bound_s
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._reference = Reference()
        self._flushes = 0
        self._idle_periods = 0
        self._resting = False
        self._line = self._make_line(_STAND_IN_RATE_HZ, volume_percent)
        self._worker = Worker("playback", self._run, on_crash)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self) -> None:
        """Ask the thread to end: the card falls silent and is released."""
        self._worker.stop()
        self._wake.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False if the thread hangs."""
        return self._worker.join(timeout_s)

    def enqueue(self, item_id: str, pcm: bytes) -> bool:
        """Append a delta (24 kHz int16 bytes) to `item_id`.

        False if more than `bound_s` would wait, and then for the rest of the response too: no reply has holes.
        """
        with self._lock:
            self._rouse()
            return self._line.push(item_id, pcm)

    def end_response(self) -> None:
        """Nothing more is to come for now: play what is there.

        One PlayoutDrained follows, always: when all was heard, or within a period if nothing sounds or waits (also
        if one was posted before, when the sound ran dry). Only a `flush` before it takes it back.
        """
        with self._lock:
            self._rouse()
            self._line.end_response()

    def flush(self) -> None:
        """Fall silent, save for earcons. PlayoutFlushed follows, always, with the items that were cut."""
        with self._lock:
            self._line.cut()
            self._flushes += 1
        self._wake.set()

    def play_earcon(self, name: str) -> None:
        """Mix the earcon `name` in, now. KeyError if there is none of that name."""
        with self._lock:
            self._rouse()
            self._line.play_earcon(name)

    @property
    def volume_percent(self) -> int:
        """Volume, 0 to 100, of all that sounds."""
        return self._line.volume_percent

    @volume_percent.setter
    def volume_percent(self, percent: int) -> None:
        with self._lock:
            self._line.volume_percent = percent

    @property
    def playing(self) -> bool:
        """True while the assistant is audible."""
        return self._line.playout.playing

    @property
    def underruns(self) -> int:
        """Times the sound stopped in the middle of a response because the next delta was late."""
        return self._line.playout.underruns

    def far_frame(self, *, gap: bool) -> FarFrame:
        """The reference for the next near frame; `gap`: near sound was lost ahead of it. One thread pulls."""
        with self._lock:
            far, aligned = self._reference.pull(gap=gap)
            return FarFrame(far, self._line.playout.playing, aligned)

    def _make_line(self, rate_hz: int, volume_percent: int) -> Line:
        return Line(rate_hz, self._earcons.at_rate(rate_hz), self._prefill_ms, volume_percent, self._bound_s)

    def _run(self, worker: Worker) -> None:
        retry_s = _FIRST_RETRY_S
        while not worker.stopping:
            periods = self.periods
            try:
                self._serve_card(worker)
            except DeviceError as error:
                self._on_state(str(error))
                with self._lock:
                    self._line.playout.drop_unheard()
                    self._reference.interrupt()
                if self.periods > periods:
                    retry_s = _FIRST_RETRY_S
                self._drive(worker, SilentSink(self._line.rate_hz, _STAND_IN_BUFFER_MS), retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)

    def _serve_card(self, worker: Worker) -> None:
        """Open the card and feed it until stopped. Raises DeviceError."""
        sink = self._open_sink()
        try:
            if sink.rate_hz != self._line.rate_hz:
                self._change_rate(sink.rate_hz)
            self._on_state(None)
            self._drive(worker, sink, math.inf)
        finally:
            sink.close()

    def _change_rate(self, rate_hz: int) -> None:
        """What waited at the old rate is lost; the conversation hears of it as of any end."""
        with self._lock:
            drain_due, ended = self._line.playout.drain_due, self._line.playout.ended
            self._line.cut()
            items = self._line.playout.settle()
            flushes, self._flushes = self._flushes, 0
            self._line = self._make_line(rate_hz, self._line.volume_percent)
        for _ in range(flushes):
            self._post(PlayoutFlushed(items))
            items = ()
        if drain_due:
            self._post(PlayoutDrained(final=ended))

    def _drive(self, worker: Worker, sink: PcmSink, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while not worker.stopping and time.monotonic() < until_s:
            if self._may_rest():
                self._rest(sink)
                continue
            self._await_room(sink)
            self._serve_flush(sink)
            self._play_period(sink)

    def _rouse(self) -> None:
        """With the lock held: there is something to play."""
        self._idle_periods = 0
        if self._resting:
            self._wake.set()

    def _may_rest(self) -> bool:
        with self._lock:
            self._resting = self._idle_periods >= _REST_AFTER_PERIODS and not self._flushes
            return self._resting

    def _rest(self, sink: PcmSink) -> None:
        """Leave the card stopped until there is something to play, or for a second."""
        sink.drop()
        with self._lock:
            self._reference.interrupt()
        self._wake.wait(_REST_CHECK_S)
        self._wake.clear()
        sink.queued_frames()  # raises if the card was unplugged
        self.periods += 1

    def _await_room(self, sink: PcmSink) -> None:
        """Wait here, not in `write`: a flush wakes us at once, and the newest sound is taken as late as can be."""
        excess_frames = sink.queued_frames() + sink.period_frames - sink.buffer_frames
        if excess_frames > 0:
            self._wake.wait(excess_frames / sink.rate_hz)
        self._wake.clear()

    def _serve_flush(self, sink: PcmSink) -> None:
        if not self._flushes:
            return
        line, playout = self._line, self._line.playout
        queued_frames = sink.queued_frames()
        with self._lock:
            playout.advance(queued_frames)
            audible = playout.unheard_frames > 0
        # Only this thread pulls, so nothing moves while the card is asked without the lock.
        dropped_frames = sink.drop() if audible else 0
        with self._lock:
            if audible:
                line.drop(dropped_frames)
                self._reference.interrupt()
            items = playout.settle()
            flushes, self._flushes = self._flushes, 0
        for _ in range(flushes):
            self._post(PlayoutFlushed(items))
            items = ()

    def _play_period(self, sink: PcmSink) -> None:
        with self._lock:
            samples, started = self._line.next_period(sink.period_frames)
            self._idle_periods = self._idle_periods + 1 if self._line.idle else 0
        if started:  # before the write: the sound goes on, and ends, though the card be lost in it
            self._post(PlayoutStarted(started))
        xruns = sink.write(samples)
        queued_frames = sink.queued_frames()
        with self._lock:
            if xruns:
                self._reference.interrupt()
            self._reference.push(samples, sink.rate_hz)
            drained = self._line.playout.advance(queued_frames)
            ended = self._line.playout.ended
            self.xruns += xruns
            self.periods += 1
        if drained:
            self._post(PlayoutDrained(final=ended))
