"""The server's responses, one at a time: asking, cancelling, orphans, and answers that never come. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from speakerd.pcm import BYTES_PER_SAMPLE, WIRE_RATE_HZ
from speakerd.realtime import outgoing
from speakerd.realtime.incoming import ResponseDone
from speakerd.realtime.reader import Json

CANCEL_S = 2.0
"""A cancelled response is over after so long, even if the server never says so: some never do."""
RETRY_S = 1.0
"""Time between requests while the server speaks of a running response of which we know nothing."""
MAX_REFUSALS = 5
"""Refusals of one request, for that reason, before it is given up."""
MAX_QUEUED = 8
"""Requests that may wait. More than two are a mistake of the caller."""


@dataclass(slots=True)
class Response:
    """The one that the server works on."""

    response_id: str
    cancelled: bool = False
    audio_bytes: int = 0
    over_s: float | None = None
    """When it counts as over without the server's word."""

    @property
    def audio_ms(self) -> int:
        """Sound received and passed on."""
        return self.audio_bytes // BYTES_PER_SAMPLE * 1000 // WIRE_RATE_HZ


@dataclass(slots=True)
class _Request:
    body: Json
    event_id: str = ""
    unwanted: bool = False
    unless_one_runs: bool = False
    """One that the server began by itself will do."""
    refusals: int = 0


@dataclass(slots=True)
class Overdue:
    """What did not come in time."""

    response: Response | None = None
    """A cancelled one: it is over now."""
    request: bool = False
    """A response that we asked for and that never began."""


@dataclass(slots=True)
class Responses:
    """`send` takes text frames; `counts` is told of what went another way than it should."""

    send: Callable[[str], None]
    counts: Counter[str]
    start_s: float
    """How long a response that was asked for may take to begin."""
    active: Response | None = None
    _asked: _Request | None = None
    _asked_until_s: float = 0.0
    _last: _Request | None = None
    """The request that the newest response was taken to answer: perhaps it was the server's own idea."""
    _queue: deque[_Request] = field(default_factory=deque)
    _not_before_s: float | None = None
    _orphan_next: bool = False
    _turn_open: bool | None = None
    """The user's last turn has no answer yet; None until the server has told of a turn: some never do."""
    _numbers: int = 0

    @property
    def waiting(self) -> bool:
        """A response was asked for, and none has begun."""
        return self._asked is not None

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing is to come of our doing."""
        return self.active is None and self._asked is None and not self._queue

    @property
    def deadline_s(self) -> float | None:
        """When `tick` has something to do."""
        times = [self.active.over_s if self.active else None, self._asked_until_s if self._asked else None]
        if self._queue and self.active is None and self._asked is None:
            times.append(self._not_before_s)
        return min((t for t in times if t is not None), default=None)

    def wants(self, response_id: str) -> bool:
        """It runs, and was not cancelled."""
        return self.active is not None and self.active.response_id == response_id and not self.active.cancelled

    def request(self, body: Json, now_s: float, *, unless_one_runs: bool = False) -> None:
        """Ask for a response as soon as none runs; `unless_one_runs`: if the server refuses, that one will do."""
        self._queue.append(_Request(body, unless_one_runs=unless_one_runs))
        if len(self._queue) > MAX_QUEUED:
            self._queue.popleft()
            self.counts["request_dropped"] += 1
        self._pump(now_s)

    def cancel(self, response_id: str | None, now_s: float) -> None:
        """Stop this response; None: the one that runs or is about to begin, asked for or not."""
        active = self.active
        if response_id is not None:
            if active is not None and active.response_id == response_id:
                self._cancel(active, now_s)
            return
        self._queue.clear()
        if self._asked is not None:
            self._asked.unwanted = True
        elif active is not None and not active.cancelled:
            self._cancel(active, now_s)
        else:
            self._orphan_next = True

    def new_turn(self, *, wanted: bool = True) -> None:
        """The user has spoken: what the server answers to it is wanted, or not."""
        self._orphan_next = not wanted
        self._turn_open = wanted

    def created(self, response_id: str, now_s: float, *, unasked: bool) -> bool:
        """The server began a response; False if it is not wanted, and cancelled.

        `unasked`: it may begin some, one for each turn. (A proxy may ask for more, in the client's name.)
        """
        before = self.active
        if before is not None and before.response_id == response_id:
            self.counts["created_twice"] += 1
            return False
        request, self._asked = self._asked, None
        self._last = request
        unwanted = request.unwanted if request else self._orphan_next or not unasked or self._turn_open is False
        self._orphan_next = False
        new = Response(response_id)
        if unwanted:
            self.counts["orphan_cancelled"] += 1
            self._cancel(new, now_s)
        if unwanted and before is not None and not before.cancelled:
            return False  # the answer goes on, and the other one ends unnoticed
        if before is not None:
            self.counts["superseded"] += 1  # two at once: the newest answers the newest words
            self._cancel(before, now_s)
        self.active = new
        if not unwanted and self._turn_open:
            self._turn_open = False
        return not unwanted

    def expect(self) -> None:
        """The turn has no answer yet, though a response is over: the server may begin another one."""
        if self._turn_open is False:
            self._turn_open = True

    def done(self, done: ResponseDone, now_s: float) -> Response | None:
        """The server finished a response; None if it is none of those that matter.

        One that failed may never have begun: then it is the next one, which was awaited.
        """
        active: Response | None = None
        if self.active is not None and self.active.response_id == done.response_id:
            active, self.active, self._last = self.active, None, None
            if done.status == "failed" and self._turn_open is False:
                self._turn_open = True  # the server may try again
        elif self.active is None and done.status == "failed":
            cancelled = self._asked.unwanted if self._asked else self._orphan_next
            active, self._asked, self._orphan_next = Response(done.response_id, cancelled), None, False
        else:
            self.counts["stale_done"] += 1
        self._not_before_s = None  # whatever ran unknown to us may have been this
        self._pump(now_s)
        return active

    def refused(self, event_id: str, now_s: float, *, because_one_runs: bool) -> bool:
        """The server objects to a request of ours, this one or (empty) the newest; True if it was given up."""
        request = self._last if self._last and event_id == self._last.event_id and event_id else self._asked
        if request is None or (event_id and event_id != request.event_id):
            if because_one_runs and not event_id and self._turn_open is not False:
                self.request({}, now_s)  # the server's own attempt: the turn still wants its answer
            return False
        if request is self._asked:
            self._asked = None
        self._last = None
        request.refusals += 1
        if request.unwanted or (because_one_runs and request.unless_one_runs and self.active is not None):
            return False
        if not because_one_runs or request.refusals > MAX_REFUSALS:
            self.counts["request_given_up"] += 1
            return True
        self._queue.appendleft(request)
        self._not_before_s = now_s + RETRY_S
        return False

    def tick(self, now_s: float) -> Overdue:
        """Give up what did not come in time."""
        overdue = Overdue()
        active = self.active
        if active is not None and active.over_s is not None and now_s >= active.over_s:
            self.counts["cancel_unanswered"] += 1
            overdue.response, self.active = active, None
        if self._asked is not None and now_s >= self._asked_until_s:
            self.counts["request_unanswered"] += 1
            overdue.request = not self._asked.unwanted
            self._asked = None
        self._pump(now_s)
        return overdue

    def _pump(self, now_s: float) -> None:
        if not self._queue or self.active is not None or self._asked is not None:
            return
        if self._not_before_s is not None and now_s < self._not_before_s:
            return
        self._not_before_s = None
        self._numbers += 1
        self._asked = self._queue.popleft()
        self._asked.event_id = f"create_{self._numbers}"
        self._asked_until_s = now_s + self.start_s
        self.send(outgoing.response_create(self._asked.body, self._asked.event_id))

    def _cancel(self, response: Response, now_s: float) -> None:
        if response.cancelled:
            return
        response.cancelled = True
        response.over_s = now_s + CANCEL_S
        self.send(outgoing.response_cancel(response.response_id))
