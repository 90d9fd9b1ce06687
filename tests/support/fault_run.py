"""Conversations with the whole daemon, to each of which a fault happens: does it live on, and what does the user hear?

The user calls, something goes wrong; the user calls again, at once or after the notice, until there is an answer.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from support.faulty_peer import ANSWER_HZ, Fault
from support.faulty_server import FaultyServer
from support.listening import Listening
from support.pretend_card import PretendCard
from support.unit import allocator
from support.vitals import Vitals

from speakerd.demo.daemon import Daemon
from speakerd.demo.play import say
from speakerd.pcm import NEAR_RATE_HZ, PERIOD_MS, Samples

CONFIG = """\
wake: {{words: [{{model: hey_jarvis, refractory_ms: 500}}]}}
realtime:
  {{url: "{url}", keep_warm: {warm}, connect_timeout_s: 2, stall_timeout_s: 2, max_tool_rounds: 3,
   ping_interval_s: 1, ping_timeout_s: 1, network_timeout_s: 1}}
conversation:
  {{silence_timeout_s: 1.2, think_timeout_s: 3, max_reply_s: 6, max_turn_s: 6, words_timeout_s: 0.5}}
sounds: {{notice_pause_s: 0}}
"""
"""Times are a third of the defaults and less, so that a run ends; what follows from them does not change."""

FIRE_S = 8.0
GIVE_UP_S = 15.0
"""All deadlines of the machine together are less: who is not idle after that is stuck."""
ANSWER_S = 3.5
"""The user calls again when there is no answer after so long: 2 s of words, half a second of thought, and patience."""
RECOVERY_S = 14.0
REST_S = 0.9
"""After the end of a conversation: its last sound."""
LATE_S = 5.0
"""Whoever is heard again after this was called too often in vain: its log is kept."""
STOP_S = 20.0
"""To stop takes one to three seconds on a machine that is busy with other daemons."""
NOTICE_S = 2.2
"""Longest silence between the error sound and its notice."""


@dataclass
class Outcome:
    """One conversation and the call after it. Can be pickled."""

    kind: str
    detail: str
    """The fault."""
    patient: bool
    """The user waited for what the speaker had to say."""
    heard: tuple[str, ...] = ()
    """From the fault on, until the user called again."""
    noticed: str = ""
    """The code with which the session ended."""
    recovery_s: float = 0.0
    """From the fault's end (or the patient user's call) until the speaker listened, in the call that was answered."""
    calls: int = 0
    """How often the user had to call."""
    unheard: int = 0
    """Calls in which no wake word was detected, or nothing after it."""
    lost_ms: int = 0
    """Sound of the microphone that the machine was too busy to look at."""
    troubles: list[str] = field(default_factory=list)
    vitals: Vitals | None = None


@dataclass
class Tally:
    """What one daemon went through. Can be pickled."""

    warm: bool
    outcomes: list[Outcome] = field(default_factory=list)
    death: str = ""
    log: str = ""
    """Of what went wrong."""

    @property
    def troubles(self) -> list[str]:
        """All that should not have been."""
        return [*(trouble for outcome in self.outcomes for trouble in outcome.troubles), *filter(None, [self.death])]


class Room(Protocol):
    """Where the user speaks and hears."""

    def say(self, samples: Samples) -> None:
        """Speak int16 mono 16 kHz; returns at once."""

    def heard(self, from_s: float, until_s: float) -> Samples:
        """What sounded between two times."""

    def forget(self) -> None:
        """Throw away what was heard."""


class FaultRun:
    """One daemon, one server, one user."""

    def __init__(self, server: FaultyServer, card: Room, daemon: Daemon, listening: Listening) -> None:
        self._server, self._card, self._daemon, self._listening = server, card, daemon, listening
        self._call = say("Hey Jarvis, what time is it?")[0]
        self._wake = say("Hey Jarvis.")[0]

    @property
    def log(self) -> str:
        """The daemon's log so far."""
        return self._daemon.log_path.read_text()

    def converse(self, fault: Fault, *, patient: bool) -> Outcome:
        """One conversation with this fault, and the next one."""
        outcome = Outcome(fault.kind, fault.detail, patient)
        self._rest()
        self._card.forget()
        start_s = time.monotonic()
        self._server.arm(fault)
        for _ in range(3):
            since_s = time.monotonic()
            self._card.say(self._call)
            self._until(self._server.fired.is_set, FIRE_S)
            if self._server.fired.is_set() or not self._unheard(since_s):
                break
            outcome.unheard += 1
            self._rest()
        if not self._server.fired.is_set():
            outcome.troubles.append("the fault did not come to pass")
        fired_s = time.monotonic()
        self._suffer(fault, fired_s, outcome)
        self._server.heal()
        called_s = healed_s = time.monotonic()
        if patient:
            self._until(lambda: self._quiet(healed_s), GIVE_UP_S)
            called_s = time.monotonic()
        heard = self._card.heard(start_s, called_s)
        ended = [e for e in self._daemon.events if e["event"] == "SessionEnded" and e["t"] >= start_s and e["error"]]
        outcome.noticed = ended[0]["error"] if ended else ""
        self._call_again(called_s, outcome)
        self._end(outcome)
        outcome.heard = self._listening.all(heard)  # not sooner: on a busy machine it takes seconds
        outcome.lost_ms = self._lost_ms(start_s)
        return outcome

    def befall(self, kind: str, detail: str, act: Callable[[], None], *, mid_reply: bool) -> Outcome:
        """`act` is a fault of the machine, over when it returns: in a reply or while nothing goes on; then a call."""
        outcome = Outcome(kind, f"{detail}{', in a reply' if mid_reply else ''}", patient=False)
        self._rest()
        self._card.forget()
        if mid_reply:
            since_s = time.monotonic()
            self._card.say(self._call)
            if not self._daemon.wait("StateChanged", since_s, FIRE_S, state="SPEAKING"):
                outcome.unheard += self._unheard(since_s)
        act()
        self._call_again(time.monotonic(), outcome)
        self._end(outcome)
        return outcome

    def _rest(self) -> None:
        """Until no conversation goes on, and its last sound is over."""
        self._until(lambda: self._state == "IDLE" and time.monotonic() > self._daemon.events[-1]["t"] + REST_S, FIRE_S)

    def _end(self, outcome: Outcome) -> None:
        if not self._until(lambda: self._state == "IDLE", GIVE_UP_S):
            outcome.troubles.append(f"stuck in {self._state}")
        if self._daemon.exit_status is None:
            outcome.vitals = Vitals.of(self._daemon.pid)
        else:
            outcome.troubles.append(f"the process died: status {self._daemon.exit_status}")

    # ------------------------------------------------------------ the user

    def _suffer(self, fault: Fault, fired_s: float, outcome: Outcome) -> None:
        """Until the fault is over, or the daemon has had enough of it."""
        if fault.interrupt and self._daemon.wait("StateChanged", fired_s, 4.0, state="SPEAKING"):
            time.sleep(0.4)
            self._card.say(self._wake)
        over = lambda: self._server.over.is_set() or self._ended_since(fired_s)  # noqa: E731
        if not self._until(over, GIVE_UP_S):
            outcome.troubles.append(f"stuck in {self._state} while the fault lasted")

    def _call_again(self, called_s: float, outcome: Outcome) -> None:
        while time.monotonic() < called_s + RECOVERY_S and self._daemon.exit_status is None:
            outcome.calls += 1
            since_s = time.monotonic()
            self._card.say(self._call)
            if self._until(lambda: self._answered(since_s), ANSWER_S):  # noqa: B023 - called at once
                live_s = self._listening_since(since_s) or time.monotonic()
                outcome.recovery_s = live_s - called_s
                return
            outcome.unheard += self._unheard(since_s)
        outcome.troubles.append(f"no answer in {RECOVERY_S:.0f} s and {outcome.calls} calls ({self._state})")

    # ------------------------------------------------------------ what the user sees and hears

    @property
    def _state(self) -> str:
        for _ in self._daemon.new():
            pass
        return next(str(event["state"]) for event in reversed(self._daemon.events) if "state" in event)

    def _ended_since(self, since_s: float) -> bool:
        return self._state == "IDLE" and self._daemon.find("StateChanged", since_s - 0.5, state="IDLE") is not None

    def _answered(self, since_s: float) -> bool:
        """Nobody answers before the call is over; what sounds until then is the end of an earlier reply."""
        now_s = time.monotonic()
        from_s = max(since_s + self._call.size / NEAR_RATE_HZ, now_s - 0.5)
        return from_s < now_s and self._listening.tone_s(self._card.heard(from_s, now_s), ANSWER_HZ) > 0.2

    def _listening_since(self, since_s: float) -> float | None:
        """When the call that came then was heard by somebody: of the wake word, in an open session or a new one."""
        woken = self._daemon.find("WakeDetected", since_s)
        if woken is None:
            return None
        live = self._daemon.find("SessionReady", woken["t"] - 0.01)
        return float((live if live and woken["state"] == "CONNECTING" else woken)["t"])

    def _unheard(self, since_s: float) -> bool:
        nothing_asked = self._daemon.find("NothingAsked", since_s) is not None
        return nothing_asked or self._daemon.find("WakeDetected", since_s) is None

    def _lost_ms(self, since_s: float) -> int:
        """By the daemon's own count, which it tells after each conversation."""
        told = [(e["t"], int(e["capture_dropped"])) for e in self._daemon.events if e["event"] == "Counters"]
        before = max((count for at, count in told if at < since_s), default=0)
        return PERIOD_MS * (max((count for _, count in told), default=0) - before)

    def _quiet(self, since_s: float) -> bool:
        now_s = time.monotonic()
        heard = self._card.heard(max(since_s - 0.5, now_s - NOTICE_S), now_s)
        return self._state == "IDLE" and now_s > since_s + NOTICE_S and not heard.any()

    def _until(self, what: Callable[[], bool], timeout_s: float) -> bool:
        until_s = time.monotonic() + timeout_s
        while not what():
            if time.monotonic() > until_s or self._daemon.exit_status is not None:
                return what()
            time.sleep(0.03)
        return True


@contextmanager
def fault_run(*, warm: bool) -> Iterator[FaultRun]:
    """A daemon that is ready; at the end it must stop in good order."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(FaultyServer())
        card = PretendCard(folder / "card")
        stack.callback(card.close)
        config = CONFIG.format(url=server.url, warm=str(warm).lower())
        daemon = Daemon(card, folder, config, {**card.env, **allocator()}, card.program)
        daemon.start()
        stack.callback(lambda: daemon.exit_status is None and daemon.stop())
        assert daemon.wait("Ready", timeout_s=30), daemon.log_path.read_text()
        yield FaultRun(server, card, daemon, Listening(folder / "cache" / "notices"))
        status = daemon.stop(patience_s=STOP_S)
        assert status == 0, f"exit status {status}: {daemon.log_path.read_text()[-2000:]}"


def suffer(numbered: Sequence[tuple[int, Fault]], *, warm: bool, patience: int = 2) -> Tally:
    """A daemon goes through these; the user is patient every `patience` times, 0: never."""
    tally = Tally(warm)
    try:
        with fault_run(warm=warm) as run:
            for turn, (number, fault) in enumerate(numbered):
                before = len(run.log)
                outcome = run.converse(fault, patient=bool(patience) and turn % patience == 0)
                tally.outcomes.append(outcome)
                late = outcome.recovery_s > LATE_S
                if outcome.troubles or late or "Traceback" in run.log[before:]:
                    tally.log += f"\n{number}, warm: {warm}: {outcome}\n{run.log[before:]}"
                if outcome.vitals is None:
                    break
    except AssertionError as error:
        tally.death = str(error)
    return tally
