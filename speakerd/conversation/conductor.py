"""Carries out what the machine decides: runs actions on ports, keeps the one timer, tells observers.

`dispatch` is synchronous from event to last action: nothing else of the loop runs in between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol, assert_never

from speakerd.conversation import actions as do
from speakerd.conversation.actions import Action, Earcon
from speakerd.conversation.events import DeadlineReached, Event, ItemHeard
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State


class SessionPort(Protocol):
    """The wire, as the conductor sees it. No method blocks or raises because of the network."""

    def open(self, session: int, wake_ms: int) -> None:
        """Connect; SessionReady or SessionEnded follows. The sound begins with a wake word, detected at `wake_ms`."""

    def close(self) -> None:
        """Close in good order; SessionEnded follows."""

    def abort(self) -> None:
        """Cut off; SessionEnded follows."""

    def cancel(self, response_id: str | None) -> None:
        """Stop a response and drop its later audio."""

    def truncate(self, items: tuple[ItemHeard, ...]) -> None:
        """Tell what was heard of cut items."""


class UplinkPort(Protocol):
    """The gate between microphone and wire."""

    def hold(self, from_index: int | None) -> None:
        """Keep frames from this one on, send none."""

    def open(self, from_index: int | None, skip_ms: int, voice_index: int | None) -> None:
        """Send what is held, then every frame; from `voice_index` on as words spoken over the assistant."""

    def end_turn(self) -> None:
        """Send silence long enough to end the turn."""

    def close(self) -> None:
        """Send nothing, hold nothing."""


class PlayoutPort(Protocol):
    """The loudspeaker."""

    def flush(self) -> None:
        """Fall silent, end a duck and a pause; PlayoutFlushed follows."""

    def duck(self) -> None:
        """Speak quieter."""

    def restore(self) -> None:
        """Speak at full level again."""

    def pause(self) -> None:
        """Fall silent, keep what was not heard."""

    def resume(self) -> None:
        """Go on where the pause began."""

    def play_earcon(self, earcon: Earcon) -> None:
        """Play a short sound over whatever plays."""


Observer = Callable[[Event, State, State, float], None]
"""Told (event, old state, new state, now in CLOCK_MONOTONIC seconds) after the actions. Must not block or raise."""


class Conductor:
    """Runs the machine. Everything here runs in the loop's thread."""

    def __init__(
        self,
        machine: Machine,
        session: SessionPort,
        uplink: UplinkPort,
        playout: PlayoutPort,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._machine = machine
        self._session = session
        self._uplink = uplink
        self._playout = playout
        self._loop = loop
        self._observers: list[Observer] = []
        self._timer: asyncio.TimerHandle | None = None
        self._queue: deque[Event] = deque()
        self._busy = False

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._machine.state

    @property
    def ignored(self) -> int:
        """Events that changed nothing."""
        return self._machine.ignored.total()

    def use(self, rules: Rules) -> None:
        """Obey these from now on; between conversations."""
        self._machine.use(rules)

    def observe(self, observer: Observer) -> None:
        """Tell `observer` about every event from now on."""
        self._observers.append(observer)

    def dispatch(self, event: Event) -> None:
        """Handle one event to its end. An event that an action causes is handled after it, not inside it."""
        self._queue.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._queue:
                self._handle(self._queue.popleft())
        finally:
            self._busy = False

    def stop(self) -> None:
        """Disarm the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _handle(self, event: Event) -> None:
        now_s = self._loop.time()
        before = self._machine.state
        for action in self._machine.handle(event, now_s):
            self._run(action)
        self._arm()
        for observer in self._observers:
            observer(event, before, self._machine.state, now_s)

    def _arm(self) -> None:
        deadline_s = self._machine.deadline_s
        if self._timer is not None:
            if self._timer.when() == deadline_s and not self._timer.cancelled():
                return
            self.stop()
        if deadline_s is not None:
            self._timer = self._loop.call_at(deadline_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.dispatch(DeadlineReached(self._machine.facts.drained))

    def _run(self, action: Action) -> None:
        match action:
            case do.OpenSession(session, wake_ms):
                self._session.open(session, wake_ms)
            case do.CloseSession():
                self._session.close()
            case do.AbortSession():
                self._session.abort()
            case do.CancelResponse(response_id):
                self._session.cancel(response_id)
            case do.TruncateItems(items):
                self._session.truncate(items)
            case do.HoldUplink(from_index):
                self._uplink.hold(from_index)
            case do.OpenUplink(from_index, skip_ms, voice_index):
                self._uplink.open(from_index, skip_ms, voice_index)
            case do.EndTurn():
                self._uplink.end_turn()
            case do.CloseUplink():
                self._uplink.close()
            case do.FlushPlayout():
                self._playout.flush()
            case do.DuckPlayout():
                self._playout.duck()
            case do.RestorePlayout():
                self._playout.restore()
            case do.PausePlayout():
                self._playout.pause()
            case do.ResumePlayout():
                self._playout.resume()
            case do.PlayEarcon(earcon):
                self._playout.play_earcon(earcon)
            case _:
                assert_never(action)
