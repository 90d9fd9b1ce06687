"""The loudspeaker's thread: pull a period, mix, write, and tell what was heard.

In a conversation the card is fed without a pause, with silence when nothing plays, so the delay to the
loudspeaker is always known. After ten idle seconds the card rests: feeding it costs 1.6 % of a core
(measured on the virtual card), and it starts again within a millisecond.

Little is kept in the card (`fill`): what is in it cannot be taken back without a click, so a pause, a duck and a flush
begin behind it. A flush that would be heard too late that way drops what the card holds, click or not.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from speakerd.conversation.events import Event, FellSilent, PlayoutDrained, PlayoutStarted, Sounded
from speakerd.errors import DeviceError
from speakerd.hw.device import PcmSink
from speakerd.hw.silent import SilentSink
from speakerd.pcm import FarFrame
from speakerd.speaker.card import Card
from speakerd.speaker.earcons import Earcons
from speakerd.speaker.fill import LEAST_PERIODS
from speakerd.speaker.flush import Flushes, Verdict
from speakerd.speaker.line import Line
from speakerd.speaker.playout import DEFAULT_BOUND_S, DEFAULT_PREFILL_MS
from speakerd.speaker.reference import Reference
from speakerd.threads import Worker

_FIRST_RETRY_S, _LAST_RETRY_S = 0.25, 5.0
_STAND_IN_RATE_HZ, _STAND_IN_BUFFER_MS = 48_000, 80
_REST_AFTER_PERIODS = 500


class Playback:
    """Owns the loudspeaker, in the thread `playback`. All public methods are thread-safe and never wait for the card.

    While there is no card the sound goes on unheard at its own pace, so a conversation never gets stuck.
    """

    def __init__(
        self,
        open_sink: Callable[[], PcmSink],
        earcons: Earcons,
        post: Callable[[Event], object],
        on_state: Callable[[DeviceError | None], None],
        on_crash: Callable[[str, BaseException], None],
        *,
        volume_percent: int = 100,
        prefill_ms: int = DEFAULT_PREFILL_MS,
        bound_s: float = DEFAULT_BOUND_S,
        duck_db: float = 15.0,
        on_sound: Callable[[Sounded | FellSilent], object] = lambda _sound: None,
    ) -> None:
        """`open_sink` may raise DeviceError; `on_state` hears it, and None when a card has played something.

        `bound_s` is the most sound that may wait: more than the longest reply, as it may come all at once.
        `duck_db`: how much quieter a ducked voice is. `on_sound` hears when something begins to sound or is cut off.
        All callbacks run in the playback thread, except `on_crash(name, error)`: in the dying one.
        """
        self.xruns = 0
        """Times the card ran empty."""
        self.periods = 0
        """Periods written, and looks at a resting card; stands still when the thread hangs."""
        self.fill_periods = LEAST_PERIODS
        """Periods that the card is kept filled to; more than two on a machine, or a card, that let it run empty."""
        self._open_sink, self._earcons = open_sink, earcons
        self._post, self._on_state, self._on_sound = post, on_state, on_sound
        self._prefill_ms, self._bound_s = prefill_ms, bound_s
        self._lock, self._wake = threading.Lock(), threading.Event()
        self.reference = Reference()
        """Its counters may be read in any thread."""
        self._duck_gain = 10.0 ** (-duck_db / 20.0)
        self._flushes = Flushes()
        self._idle_periods, self._resting = 0, False
        self._works = False  # the card has played something since it was opened, and that was told
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
        """Fall silent within 60 ms, save for earcons; a pause and a duck are over. What comes later waits till then.

        PlayoutFlushed follows once it is silent, always, with the items that were cut.
        """
        with self._lock:
            self._line.cut()
            self._flushes.ask(time.monotonic())
        self._wake.set()

    def use(self, earcons: Earcons, bound_s: float, duck_db: float) -> None:
        """Other sounds, another bound and duck, as in `__init__`, from now on."""
        with self._lock:
            self._earcons, self._bound_s, self._duck_gain = earcons, bound_s, 10.0 ** (-duck_db / 20.0)
            self._line.use(earcons.at_rate(self._line.rate_hz), bound_s)

    def duck(self) -> None:
        """Speak quieter, within 60 ms, until `restore` or `flush`. Earcons stay as they are."""
        with self._lock:
            self._line.speech_gain = self._duck_gain

    def restore(self) -> None:
        """Speak at full level again."""
        with self._lock:
            self._line.speech_gain = 1.0

    def pause(self) -> None:
        """Fall silent within 60 ms, save for earcons; what was not heard, and what comes, waits for `resume`."""
        with self._lock:
            self._line.playout.paused = True

    def resume(self) -> None:
        """Go on with the first sample that was not heard at its full level; no event tells of it."""
        with self._lock:
            self._line.playout.paused = False

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
        """True while the assistant is audible; during a pause not, once what the card held was heard."""
        return self._line.playout.playing

    @property
    def underruns(self) -> int:
        """Times the sound stopped in the middle of a response because the next delta was late."""
        return self._line.playout.underruns

    def far_frame(self, *, gap: bool) -> FarFrame:
        """The reference for the next near frame; `gap`: near sound was lost ahead of it. One thread pulls."""
        with self._lock:
            far, aligned = self.reference.pull(gap=gap)
            return FarFrame(far, self._line.playout.playing, aligned)

    def _make_line(self, rate_hz: int, volume_percent: int) -> Line:
        return Line(rate_hz, self._earcons.at_rate(rate_hz), self._prefill_ms, volume_percent, self._bound_s)

    def _run(self, worker: Worker) -> None:
        retry_s = _FIRST_RETRY_S
        while not worker.stopping:
            self._works = False
            sink: PcmSink | None = None
            try:
                sink = self._open_sink()
                self._serve_card(worker, sink)
            except DeviceError as error:
                self._on_state(error)
                with self._lock:
                    self._line.playout.drop_unheard()
                retry_s = _FIRST_RETRY_S if self._works else retry_s
                self._drive(worker, SilentSink(self._line.rate_hz, _STAND_IN_BUFFER_MS), retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)
            finally:
                if sink is not None:  # after it was told: a card that hangs may hang here, too
                    sink.close()

    def _serve_card(self, worker: Worker, sink: PcmSink) -> None:
        if sink.rate_hz != self._line.rate_hz:
            self._change_rate(sink.rate_hz)
        with self._lock:
            self._idle_periods = 0  # it is fed, with silence at least, until it has shown that it takes it
        self._drive(worker, sink, math.inf)

    def _change_rate(self, rate_hz: int) -> None:
        """What waited at the old rate is lost; the conversation hears of it as of any end."""
        with self._lock:
            old = self._line
            drain_due, ended = old.playout.drain_due, old.playout.ended
            self._line = self._make_line(rate_hz, old.volume_percent)
            self._line.playout.paused, self._line.speech_gain = old.playout.paused, old.speech_gain
            self._line.playout.underruns = old.playout.underruns
            old.cut()
            answers = self._flushes.answer(old.playout.settle())
        for answer in answers:
            self._post(answer)
        if drain_due:
            self._post(PlayoutDrained(final=ended))

    def _drive(self, worker: Worker, sink: PcmSink, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        card = Card(sink, self._wake)
        with self._lock:
            self.reference.interrupt()  # it is empty: what was written to another one says nothing of it
        while not worker.stopping and time.monotonic() < until_s:
            if self._may_rest():
                card.rest()
                self.periods += 1
                continue
            room = card.await_room(hurry=bool(self._flushes))
            self._serve_flush(card)
            if room:
                self._play_period(card, is_there=seconds == math.inf)

    def _rouse(self) -> None:
        """With the lock held: there is something to play."""
        self._idle_periods = 0
        if self._resting:
            self._wake.set()

    def _may_rest(self) -> bool:
        with self._lock:
            self._resting = self._idle_periods >= _REST_AFTER_PERIODS and not self._flushes
            if self._resting:
                self.reference.interrupt()
            return self._resting

    def _serve_flush(self, card: Card) -> None:
        """Answer a flush when it is silent; drop what the card holds if that would take too long."""
        if not self._flushes:
            return
        line, playout = self._line, self._line.playout
        queued_frames = card.queued_frames()
        with self._lock:
            playout.advance(queued_frames)
            verdict = self._flushes.judge(playout.frames_to_silence / card.rate_hz, time.monotonic())
        if verdict is Verdict.FADE:
            return
        # Only this thread pulls, so nothing moves while the card is asked without the lock.
        dropped_frames = card.drop() if verdict is Verdict.DROP else 0
        with self._lock:
            if verdict is Verdict.DROP:
                line.drop(dropped_frames)
                self.reference.interrupt()
            answers = self._flushes.answer(playout.settle())
        for sound in line.take_times(0 if verdict is Verdict.DROP else queued_frames, time.monotonic()):
            self._on_sound(sound)
        for answer in answers:
            self._post(answer)

    def _play_period(self, card: Card, *, is_there: bool) -> None:
        with self._lock:
            samples, started = self._line.next_period(card.period_frames)
            self._idle_periods = self._idle_periods + 1 if self._line.idle else 0
        if started:  # before the write: the sound goes on, and ends, though the card be lost in it
            self._post(PlayoutStarted(started))
        xruns = card.write(samples)
        queued_frames = card.queued_frames()
        with self._lock:
            if xruns:
                self.reference.interrupt()
            self.reference.push(samples, card.rate_hz)
            drained = self._line.playout.advance(queued_frames)
            ended = self._line.playout.ended
            self.xruns += xruns if is_there else 0
            self.periods += 1
            self.fill_periods = card.fill_periods
        if is_there and card.moved and not self._works:
            self._works = True
            self._on_state(None)
        for sound in self._line.take_times(queued_frames, time.monotonic()):
            self._on_sound(sound)
        if drained:
            self._post(PlayoutDrained(final=ended))
