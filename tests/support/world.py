"""A conversation in virtual time: the real switchboard, machine, gate and loudspeaker; server and user on the desk.

What the loudspeaker tells waits in `mail` for the loop, so that whatever else happens may come before it.
"""

from __future__ import annotations

import functools
from collections import defaultdict, deque
from types import SimpleNamespace
from unittest import mock

import numpy as np

from speakerd import switchboard
from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Earcon
from speakerd.conversation.conductor import Conductor
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State
from speakerd.hw.silent import SilentSink
from speakerd.mic.gatekeeper import Gatekeeper
from speakerd.pcm import NEAR_PERIOD_FRAMES, PERIOD_MS, NearFrame
from speakerd.realtime.outputs import ItemAudio, VoiceComplete
from speakerd.speaker import playback as loudspeaker
from speakerd.speaker.card import Card
from speakerd.speaker.earcons import Earcons
from speakerd.speaker.playback import Playback
from speakerd.switchboard import Switchboard

PERIOD_S = PERIOD_MS / 1000
WIRE_BYTES_PER_MS = 48
SINK_HZ = 8_000
_SILENCE = np.zeros(NEAR_PERIOD_FRAMES, np.int16)


class SameEarcons(Earcons):
    """Made once."""

    at_rate = functools.cache(Earcons.at_rate)


EARCONS = SameEarcons(-20.0)


class Nobody:
    """A part of which nothing is wanted."""

    def __getattr__(self, _name: str):
        return lambda *_args, **_more: self


class Clock:
    """Time, the loop's timers, and the loudspeaker's waiting: whoever waits makes it pass."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.until_s = 1_000.0
        self.timers: list[SimpleNamespace] = []
        self._woken = False

    def time(self) -> float:
        return self.now_s

    def call_at(self, when_s: float, callback) -> SimpleNamespace:
        timer = SimpleNamespace(when=lambda: when_s, callback=callback, cancelled=lambda: timer not in self.timers)
        timer.cancel = lambda: timer in self.timers and self.timers.remove(timer)
        self.timers.append(timer)
        return timer

    def fire(self) -> None:
        for timer in [one for one in self.timers if one.when() <= self.now_s]:
            timer.cancel()
            timer.callback()

    def set(self) -> None:
        self._woken = True

    def clear(self) -> None:
        self._woken = False

    def wait(self, seconds: float) -> None:
        if not self._woken:
            self.now_s = max(self.now_s, min(self.now_s + seconds, self.until_s))


class Server:
    """A server that keeps to the protocol, and the link to it. Nothing of it comes by itself."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.session = 0
        """0 while there is none."""
        self.warm = self.ready = self.closing = False
        self.running = ""
        self.cancelled = self.calls = False
        self.responses = self.audio_ms = 0
        self.hears = self.turn_due = self.tools_run = self.unwanted = False
        self.failed = self.given_up = False
        self.received_ms: dict[str, int] = {}

    # ------------------------------------------------------------ what the conductor orders

    def open(self, session: int, wake_ms: int) -> None:
        assert self.session == 0, "two sessions"
        self.__init__(self._world)
        self.session = session
        if self._world.keep_warm:
            self.agree()

    def close(self) -> None:
        assert self.session
        assert not self.closing, "closed twice"
        self.closing = True

    def abort(self) -> None:
        if self.session:
            self._world.mail.append(ev.SessionEnded(self.session))
            self.session = 0

    def cancel(self, response_id: str | None) -> None:
        assert self.session
        assert not self.closing
        self.given_up = self.owes
        if response_id is None:
            self.turn_due = self.tools_run = False
            self.unwanted = not self.running
        if self.running and response_id in (None, self.running):
            self.cancelled = True

    def truncate(self, items: tuple[ev.ItemHeard, ...]) -> None:
        assert self.session, "may be closing: then it is for the transcripts alone"
        for item in items:
            assert 0 <= item.heard_ms <= item.received_ms <= self.received_ms[item.item_id]

    # ------------------------------------------------------------ what it says

    @property
    def owes(self) -> bool:
        """Something of what the user waits for has not come."""
        return bool(self.running and not self.cancelled) or self.hears or self.turn_due or self.tools_run

    def agree(self) -> None:
        self.ready = True
        self._tell(ev.SessionReady(self.session))

    def lose(self, error: str) -> None:
        session, self.session = self.session, 0
        self.failed = True
        self._tell(ev.SessionEnded(session, error))

    def hear(self, *, begins: bool) -> None:
        self.turn_due, self.hears = not begins, begins
        self.unwanted = self.unwanted and begins
        self._tell(ev.UserSpeechStarted(self.session) if begins else ev.UserSpeechStopped(self.session))

    def begin(self) -> None:
        unasked = not (self.turn_due or self.tools_run)
        self.responses += 1
        self.running, self.calls, self.audio_ms = f"r{self.session}.{self.responses}", False, 0
        self.turn_due = self.tools_run = False
        self.cancelled, self.unwanted = self.unwanted or unasked, False
        if not self.cancelled:
            self._tell(ev.ResponseStarted(self.session, self.running))

    def speak(self, ms: int) -> None:
        item = f"item of {self.running}"
        if self.cancelled:
            return
        self.audio_ms += ms
        self.received_ms[item] = self.audio_ms
        self._world.board.take_output(ItemAudio(item, b"\x00\x10" * (ms * WIRE_BYTES_PER_MS // 2)))

    def call(self) -> None:
        self.calls = True

    def end(self, status: str) -> None:
        self._world.read_mail()  # a whole response takes longer than the mail
        response_id, self.running = self.running, ""
        if self.cancelled:
            self._tell(ev.ResponseEnded(self.session, response_id, "cancelled", self.audio_ms))
            return
        self.failed = status != "completed"
        if self.calls and not self.failed:
            self.tools_run = True
            self._tell(ev.ToolsCalled(self.session, response_id))
        self._tell(VoiceComplete())
        self._tell(ev.ResponseEnded(self.session, response_id, status, self.audio_ms))

    def settle(self) -> None:
        self.tools_run = False
        self._tell(ev.ToolsSettled(self.session, f"r{self.session}.{self.responses}"))

    def _tell(self, output) -> None:
        self._world.board.take_output(output)


class World:
    """To be closed at the end."""

    def __init__(self, rules: Rules, *, keep_warm: bool) -> None:
        self.keep_warm = keep_warm
        self.clock = Clock()
        self.mail: deque[ev.Event] = deque()
        self._patches = [
            mock.patch.object(loudspeaker, "time", SimpleNamespace(monotonic=self.clock.time)),
            mock.patch.object(switchboard, "asyncio", SimpleNamespace(get_running_loop=lambda: self.clock)),
        ]
        for patch in self._patches:
            patch.start()
        world = self

        class Loudspeaker(Playback):
            def play_earcon(self, name: str) -> None:
                assert name != Earcon.ERROR or world.excused, "the error sound, and nothing was wrong"
                super().play_earcon(name)

        self.playback = Loudspeaker(lambda: None, EARCONS, self.mail.append, lambda _: None, lambda *_: None)
        self.playback._line = self.playback._make_line(SINK_HZ, 100)
        self.playback._wake = self.clock
        self._card = Card(SilentSink(SINK_HZ, 80, self.clock.time, self.clock.wait), self.clock)
        self.server = Server(self)
        self.sent_in: set[State] = set()
        """In which states sound was sent."""
        self.gatekeeper = Gatekeeper(lambda _pcm: self.sent_in.add(self.state), Realtime())
        self.conductor = Conductor(Machine(rules), self.server, self.gatekeeper, self.playback, self.clock)
        nobody = Nobody()
        herald = SimpleNamespace(sounding=False, hush=lambda: None, say=lambda *_: None, heard=lambda **_: None)
        cashier = SimpleNamespace(refusal=lambda: None, received=lambda _: None, sent=lambda _: None, used_up=False)
        self.board = Switchboard(
            self.conductor, nobody, self.gatekeeper, nobody, self.playback, nobody, nobody, cashier, nobody, herald,
            nobody, defaultdict(lambda: ("", {})), nobody,
        )  # fmt: skip
        self.conductor.observe(self.board.observe)
        self.conductor.observe(lambda *_: setattr(self.server, "given_up", False))
        self.index = 0

    def close(self) -> None:
        for patch in self._patches:
            patch.stop()

    @property
    def state(self) -> State:
        return self.conductor.state

    @property
    def excused(self) -> bool:
        """There is a reason for the error sound."""
        return self.server.failed or self.server.given_up or not self.server.ready

    @property
    def assistant_waits(self) -> bool:
        """Some of the assistant's voice sounds or is still to sound."""
        playout = self.playback._line.playout
        return bool(playout.playing or playout.waiting_frames)

    def read_mail(self) -> None:
        while self.mail:
            self.board.take_event(self.mail.popleft())

    def pass_time(self, seconds: float) -> None:
        """The mail of the last period is not read yet."""
        for _ in range(round(seconds / PERIOD_S)):
            self.read_mail()
            self.clock.fire()
            self._period()

    def pass_to_next_timer(self) -> None:
        """Quickly, once nothing sounds."""
        self.pass_time(2 * PERIOD_S)
        while self.clock.timers and self.clock.now_s < (due_s := min(timer.when() for timer in self.clock.timers)):
            if not (self.mail or self.playback._flushes or self.playback.playing):
                self.clock.now_s = due_s
            self.pass_time(PERIOD_S)

    def _period(self) -> None:
        self.clock.until_s = until_s = self.clock.now_s + PERIOD_S
        while self.clock.now_s < until_s - 1e-9:
            if self.playback._may_rest():
                self._card.rest()
                continue
            room = self._card.await_room(hurry=bool(self.playback._flushes))
            self.playback._serve_flush(self._card)
            if room:
                self.playback._play_period(self._card, is_there=True)
                if self.clock.now_s >= until_s - 1e-9:
                    break
        self.board.take_frames([NearFrame(_SILENCE, self.index, self.clock.now_s)])
        self.index += 1
