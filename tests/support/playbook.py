"""A conversation on the desk: events in, orders out, and the time that passes in between."""

from __future__ import annotations

from dataclasses import replace

from speakerd.conversation import actions as do
from speakerd.conversation import events as ev
from speakerd.conversation.actions import Earcon
from speakerd.conversation.machine import Machine
from speakerd.conversation.state import Rules, State

IDLE, CONNECTING, LISTENING, THINKING, SPEAKING, INTERRUPTED, FINISHING, CLOSING = State
WAKE = ev.WakeDetected("hey_jarvis", 0.9, 1000)
READY = ev.SessionReady(1)
BEGIN = ev.UserSpeechStarted(1)
END = ev.UserSpeechStopped(1)
ALONE = ev.NothingAsked(1)
ANSWER = ev.ResponseStarted(1, "r1")
ANSWERED = ev.ResponseEnded(1, "r1", "completed", 900)
AUDIBLE = ev.PlayoutStarted("i1")
DRY = ev.PlayoutDrained()
DRAINED = ev.PlayoutDrained(final=True)
LOST = ev.SessionEnded(1, "connection_lost", "gone")
CLOSED = ev.SessionEnded(1)
SPEECH = ev.BargeInDetected(2000, -20.0)
PERHAPS = ev.BargeInSuspected(2000)
NOT_SO = ev.BargeInDismissed()
OTHER = ev.ResponseStarted(1, "r2")
LATE = ev.DeadlineReached()
CALLS = ev.ToolsCalled(1, "r1")
CALLED = replace(ANSWERED, audio_ms=0)
SETTLED = ev.ToolsSettled(1, "r1")
HEARD = ev.ItemHeard("i1", 640, 900)
FLUSHED = ev.PlayoutFlushed((HEARD,))

ERROR, GOODBYE = do.PlayEarcon(Earcon.ERROR), do.PlayEarcon(Earcon.GOODBYE)
BEGUN = [do.PlayEarcon(Earcon.WAKE), do.HoldUplink(976), do.OpenSession(1, 500)]
TAIL = do.OpenUplink(skip_ms=200)
CUT = [do.FlushPlayout(), do.CancelResponse("r1")]
PERHAPS_WORDS = [do.RestorePlayout(), do.OpenUplink(1985)]
VOICE = do.OpenUplink(976, voice_index=976)
GO_ON = [do.HoldUplink(), do.ResumePlayout()]


class Playbook:
    """Feeds events to a machine; time passes only where the script says so."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.machine = Machine(rules)
        self.now_s = 100.0

    def feed(self, *events: ev.Event) -> list[do.Action]:
        """Feed events; the actions of the last one."""
        actions: list[do.Action] = []
        for event in events:
            if isinstance(event, ev.DeadlineReached) and self.machine.deadline_s is not None:
                self.now_s = self.machine.deadline_s
            actions = self.machine.handle(event, self.now_s)
        return actions


TO = {
    IDLE: (),
    CONNECTING: (WAKE,),
    LISTENING: (WAKE, READY),
    THINKING: (WAKE, READY, BEGIN, END, ANSWER),
    SPEAKING: (WAKE, READY, BEGIN, END, ANSWER, AUDIBLE),
    INTERRUPTED: (WAKE, READY, BEGIN, END, ANSWER, AUDIBLE, SPEECH),
    FINISHING: (WAKE, READY, BEGIN, END, ANSWER, AUDIBLE, ANSWERED, LOST),
    CLOSING: (WAKE, READY, LATE),
}
"""The events that lead from IDLE to each state."""
