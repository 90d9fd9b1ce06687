"""Random conversations in virtual time, with the real loudspeaker and gate: what must hold whatever comes when."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.world import World

from speakerd.config.model import BargeIn
from speakerd.conversation import events as ev
from speakerd.conversation.state import Rules, State
from speakerd.mic.uplink import Gate
from speakerd.realtime.outputs import VoiceComplete

IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, FINISHING, CLOSING = State
MUCH = 0.0
"""Until the next deadline."""
IN_SESSION = precondition(lambda self: self.world.server.session and self.world.server.ready)
TALKING = precondition(lambda self: self.world.server.ready and self.world.server.running)
QUIET = precondition(
    lambda self: self.world.server.session and self.world.server.ready and not self.world.server.running
)


class Conversations(RuleBasedStateMachine):
    """Rules are what may happen; the server keeps to the protocol, also while its session is being closed."""

    @initialize(
        barge_in=st.sampled_from(BargeIn),
        keep_warm=st.booleans(),
        into=st.sampled_from(["", "hear", "speak", "interrupt", "finish"]),
    )
    def build(self, barge_in: BargeIn, keep_warm: bool, into: str) -> None:
        self.world = World(Rules(barge_in=barge_in), keep_warm=keep_warm)
        self.world.pass_time(0.1)
        if not into:
            return
        self.wake(by_hand=True)
        if not keep_warm:
            self.agree()
        if into in ("speak", "interrupt", "finish"):
            self.hear((True, False))
            self.begin()
            self.speak(1_000)
            self.world.pass_time(0.3)
        if into == "interrupt":
            self.world.read_mail()
            self.speak_over("detected")
        if into == "finish":
            self.end("completed")
            self.it_ends("lost")

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.reach_idle()
        finally:
            self.world.close()

    def reach_idle(self) -> None:
        """Time alone does it, though the server says nothing any more."""
        for _ in range(12):
            if self.world.state is IDLE and not self.world.mail:
                break
            self.world.pass_to_next_timer()
        assert self.world.state is IDLE
        self.world.pass_time(0.4)
        self.world.read_mail()
        assert not self.world.assistant_waits
        assert self.world.gatekeeper.gate is Gate.CLOSED
        assert self.world.clock.timers == []

    # ------------------------------------------------------------ time, the user, the house

    @rule(seconds=st.sampled_from([0.02, 0.06, 0.1, 0.2, 0.5, 0.5, 1.5, MUCH]))
    def time_passes(self, seconds: float) -> None:
        if seconds == MUCH:
            self.world.pass_to_next_timer()
        else:
            self.world.pass_time(seconds)
        if seconds > 0.1:
            self.world.read_mail()
            if not self.world.server.owes and not self.world.assistant_waits and not self.world.playback._flushes:
                assert self.world.state not in (THINKING, SPEAKING), "it waits for what never comes"

    @rule(by_hand=st.booleans())
    def wake(self, by_hand: bool) -> None:
        self.world.board.take_event(ev.WakeDetected("jarvis", 0.9, self.world.index - 1, by_hand))

    @rule(how=st.sampled_from(["stop", "goodbye", "mute", "unmute", "lost", "closed", *[""] * 10]))
    def it_ends(self, how: str) -> None:
        world = self.world
        match how:
            case "stop" | "goodbye":
                world.conductor.dispatch(ev.GOODBYE if how == "goodbye" else ev.StopRequested("asked"))
            case "mute" | "unmute":
                world.board.mute(muted=how == "mute")
            case "lost" | "closed" if world.server.session:
                world.server.lose("connection_lost" * (how == "lost"))

    @rule(verdict=st.sampled_from(["suspected", "dismissed", "detected"]))
    def speak_over(self, verdict: str) -> None:
        onset = self.world.index - 10
        verdicts = {
            "suspected": ev.BargeInSuspected(onset),
            "dismissed": ev.BargeInDismissed(),
            "detected": ev.BargeInDetected(onset, -20.0),
        }
        self.world.board.take_event(verdicts[verdict])

    # ------------------------------------------------------------ the server

    @precondition(lambda self: self.world.server.session and not self.world.server.ready)
    @rule()
    def agree(self) -> None:
        self.world.server.agree()

    @IN_SESSION
    @rule(how=st.sampled_from([(True,), (False,), (True, False)]))
    def hear(self, how: tuple[bool, ...]) -> None:
        for begins in how:
            self.world.server.hear(begins=begins)

    @IN_SESSION
    @rule(calls=st.booleans(), ms=st.sampled_from([0, 60, 1_000, 3_000]), seconds=st.sampled_from([0.0, 0.3, 4.0]))
    def answer(self, calls: bool, ms: int, seconds: float) -> None:
        """A whole response in one burst."""
        if not self.world.server.running:
            self.begin()
        if calls:
            self.call()
        if ms:
            self.speak(ms)
        self.end("completed")
        self.world.pass_time(seconds)

    @QUIET
    @rule()
    def begin(self) -> None:
        self.world.server.begin()

    @TALKING
    @rule(ms=st.sampled_from([20, 60, 200, 1_000]))
    def speak(self, ms: int) -> None:
        self.world.server.speak(ms)

    @TALKING
    @rule()
    def call(self) -> None:
        self.world.server.call()

    @TALKING
    @rule(status=st.sampled_from(["completed", "completed", "failed", "incomplete"]))
    def end(self, status: str) -> None:
        self.world.server.end(status)

    @precondition(lambda self: self.world.server.tools_run)
    @rule()
    def settle(self) -> None:
        self.world.server.settle()

    # ------------------------------------------------------------ what always holds

    @invariant()
    def only_idle_has_no_deadline(self) -> None:
        assert (self.world.state is IDLE) == (self.world.clock.timers == [])

    @invariant()
    def the_gate_is_where_the_state_wants_it(self) -> None:
        gate, state = self.world.gatekeeper.gate, self.world.state
        if state is IDLE:
            assert gate is Gate.CLOSED
        if state is CONNECTING:
            assert gate is Gate.HELD
        if state is FINISHING:
            assert gate is Gate.CLOSED
            assert not self.world.server.session
        if state in (LISTENING, INTERRUPTED):
            assert gate is Gate.OPEN
        if state is SPEAKING and not self.world.mail and not self.world.gatekeeper.muted:
            assert (gate is Gate.HELD) == self.world.playback.playing
        assert self.world.sent_in <= {LISTENING, THINKING, SPEAKING, INTERRUPTED}

    @invariant()
    def the_assistant_is_silent_where_nobody_minds_it(self) -> None:
        world = self.world
        if world.state in (IDLE, CONNECTING, LISTENING, CLOSING) and not world.playback._flushes and not world.mail:
            assert not world.assistant_waits


def test_a_whole_reply_outlasts_its_session():
    walker = Conversations()
    walker.build(BargeIn.SPEECH, keep_warm=False, into="finish")
    world = walker.world
    try:
        assert world.state is FINISHING
        walker.time_passes(0.5)
        assert world.state is FINISHING, "0.3 of 1.0 s had been heard"
        assert world.assistant_waits
        walker.time_passes(0.5)
        assert world.state is IDLE
    finally:
        walker.teardown()


def test_a_reply_of_which_the_rest_comes_with_the_end_of_its_session_is_heard():
    """All at once, and just when what had come was heard: word of that is still on its way."""
    walker = Conversations()
    walker.build(BargeIn.SPEECH, keep_warm=False, into="speak")
    world = walker.world
    try:
        while ev.PlayoutDrained(final=False) not in world.mail:
            world.pass_time(0.02)
        server, response_id = world.server, world.server.running
        server.speak(1_000)
        server.running = ""
        for output in (VoiceComplete(), ev.ResponseEnded(1, response_id, "completed", server.audio_ms)):
            world.board.take_output(output)
        server.lose("connection_lost")
        walker.time_passes(0.5)
        assert world.state is FINISHING
        walker.time_passes(1.5)
        assert world.state is IDLE
    finally:
        walker.teardown()


WALK: dict[str, tuple[int, list[tuple[object, ...]]]] = {
    # rule: how often, with what
    "time_passes": (20, [*[(0.02,), (0.06,), (0.1,), (0.3,), (1.0,)] * 3, (MUCH,)]),
    "wake": (1, [(True,), (False,)]),
    "it_ends": (1, [("stop",), ("goodbye",), ("mute",), ("unmute",), ("lost",), ("closed",)]),
    "speak_over": (8, [("suspected",), ("dismissed",), ("detected",)]),
    "agree": (60, [()]),
    "hear": (3, [((True,),), ((False,),), ((True, False),), ((True, False),), ((True, False),)]),
    "begin": (40, [()]),
    "speak": (16, [(20,), (60,), (200,), (1_000,)]),
    "call": (4, [()]),
    "end": (6, [("completed",), ("completed",), ("failed",)]),
    "settle": (2, [()]),
}


def may(conversations: Conversations, name: str) -> bool:
    server = conversations.world.server
    ready = bool(server.session and server.ready)
    match name:
        case "agree":
            return bool(server.session) and not server.ready
        case "hear":
            return ready
        case "begin":
            return ready and not server.running and (server.turn_due or server.tools_run)
        case "speak" | "call" | "end":
            return ready and bool(server.running)
        case "settle":
            return server.tools_run
        case _:
            return True


@pytest.mark.parametrize("seed", range(60))
def test_a_walk_through_conversations(seed):
    """As above, but more of it happens where much goes on: in replies, and while they are interrupted."""
    rng = random.Random(seed)
    walker = Conversations()
    into = rng.choice(["interrupt", "interrupt", "finish"])
    walker.build(rng.choice([*BargeIn, BargeIn.SPEECH]), rng.random() < 0.5, into)
    try:
        for _ in range(150):
            if walker.world.state is IDLE:
                walker.it_ends("unmute")
                walker.wake(by_hand=True)
            names = [name for name in WALK if may(walker, name)]
            [name] = rng.choices(names, [WALK[name][0] for name in names])
            getattr(walker, name)(*rng.choice(WALK[name][1]))
            walker.only_idle_has_no_deadline()
            walker.the_gate_is_where_the_state_wants_it()
            walker.the_assistant_is_silent_where_nobody_minds_it()
    finally:
        walker.teardown()


TestConversations = Conversations.TestCase
TestConversations.settings = settings(max_examples=40, stateful_step_count=40)
