"""The conversation machine: what is going on, and what happens next. Pure.

`handle(event, now_s)` takes the first row of `table.ROWS` that fits the state, the event and the
facts, and returns its actions. What no row lists changes nothing and is counted. Every state but
IDLE has a deadline, so no state can last for ever.
"""

from __future__ import annotations

from collections import Counter

from speakerd.conversation import events as ev
from speakerd.conversation.actions import Action
from speakerd.conversation.state import Facts, Rules, State
from speakerd.conversation.table import ROWS, deadline_s


class Machine:
    """One conversation after another. Not thread-safe: the loop owns it."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.facts = Facts(rules or Rules())
        self.deadline_s: float | None = None
        """When DeadlineReached is due; None in IDLE only."""
        self.ignored: Counter[str] = Counter()
        """Events that changed nothing, by `STATE/Event` or `stale/Event`."""

    def use(self, rules: Rules) -> None:
        """Obey these from now on; between conversations."""
        self.facts.rules = rules

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self.facts.state

    def handle(self, event: ev.Event, now_s: float) -> list[Action]:
        """Take in what happened; the orders that follow from it."""
        facts, name = self.facts, type(event).__name__
        if self._is_stale(event, now_s):
            self.ignored[f"stale/{name}"] += 1
            return []
        for row in ROWS:
            if facts.state in row.states and isinstance(event, row.event) and row.when(facts, event, now_s):
                break
        else:
            self.ignored[f"{facts.state}/{name}"] += 1
            return []
        before = facts.state
        if row.to is not None:
            facts.state = row.to
        actions = row.act(facts, event, now_s)
        if facts.state is not before or row.rearm:
            self.deadline_s = deadline_s(facts, now_s)
        return actions

    def _is_stale(self, event: ev.Event, now_s: float) -> bool:
        match event:
            case ev.DeadlineReached():
                return self.deadline_s is None or now_s < self.deadline_s
            case ev.PlayoutStarted() | ev.PlayoutDrained():
                return bool(self.facts.flushes)  # they speak of sound that was thrown away since
            case ev.ResponseEnded(session=session, response_id=""):  # one that was awaited, and never began
                runs = self.facts.response_id is not None and not self.facts.response_done
                return session != self.facts.session or runs
            case (
                ev.ResponseEnded(session=session, response_id=response_id)
                | ev.ToolsCalled(session=session, response_id=response_id)
                | ev.ToolsSettled(session=session, response_id=response_id)
            ):
                return session != self.facts.session or response_id != self.facts.response_id
            case (
                ev.SessionReady(session=session)
                | ev.SessionEnded(session=session)
                | ev.UserSpeechStarted(session=session)
                | ev.UserSpeechStopped(session=session)
                | ev.NothingAsked(session=session)
                | ev.ResponseStarted(session=session)
            ):
                return session != self.facts.session
            case _:
                return False
