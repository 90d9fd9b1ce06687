"""Who is in: admits, counts, bills, and shows out. Everything but the sockets. Owned by the loop."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace

from speakerd.config.model import Relay
from speakerd.logfields import fields
from speakerd.purse.budget import Limits, Span
from speakerd.relay import bills
from speakerd.relay.door import Visit
from speakerd.relay.limits import PerMinute
from speakerd.relay.metrics import Metrics, text
from speakerd.relay.policy import Rules
from speakerd.relay.pump import Pump
from speakerd.relay.refusals import (
    BAD_TOKEN,
    FULL,
    NO_TOKEN,
    REVOKED,
    STORE_AWAY,
    TOO_MANY_FAILURES,
    TOO_MANY_SESSIONS,
    TOO_OFTEN,
    Refusal,
    budget_spent,
    model_refused,
)
from speakerd.relay.store import Admission, Lease, Store, StoreAwayError
from speakerd.relay.talk import Talk, Terms
from speakerd.relay.till import Till, put_on_disk
from speakerd.relay.tokens import Token, digest_of

log = logging.getLogger(__name__)

BEAT_S = 5.0
"""Time between renewals of the sessions; a revoked token, or a budget spent elsewhere, ends its sessions by then."""
KNOWN_DIGESTS = 10_000
NO_LIMITS = Limits()


class House:
    """All sessions of this process."""

    def __init__(
        self,
        config: Relay,
        store: Store,
        till: Till,
        clock_s: Callable[[], float],
        tell: Callable[[Talk], None] = lambda _talk: None,
        billed_as: str = "",
    ) -> None:
        """`tell` hears of each session that ended; `clock_s` is CLOCK_MONOTONIC.

        `billed_as`: the model whose prices hold whatever a client names; empty: the one that it names.
        """
        self._config = config
        self._terms = Terms.of(config)
        self._store = store
        self._till = till
        self._clock_s = clock_s
        self._tell = tell
        self._billed_as = billed_as
        self._failures = PerMinute(config.failures_per_minute)
        self._known: dict[str, None] = {}
        self._talks: dict[Talk, Pump | None] = {}
        self._to_check: set[Talk] = set()
        self._wake = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self.metrics = Metrics()
        self.store_is_there = True

    # ------------------------------------------------------------ coming and going

    @property
    def sessions(self) -> int:
        """Those that are being opened included."""
        return len(self._talks)

    async def admit(self, visit: Visit, address: str) -> Talk | Refusal:
        """Let a client in, or not. Who was let in must be shown out (`dismiss`)."""
        try:
            found = await self._admit(visit, address)
        except StoreAwayError as error:
            self._store_failed(error)
            found = STORE_AWAY
        if isinstance(found, Refusal):
            self.metrics.refused[found.code] += 1
        return found

    async def _admit(self, visit: Visit, address: str) -> Talk | Refusal:
        token = await self._identify(visit.secret, address)
        if isinstance(token, Refusal):
            return token
        if token.models and visit.model not in token.models:
            return model_refused(visit.model)
        if self.sessions >= self._config.max_sessions:
            return FULL
        limits = token.limits(self._terms.limits)
        lease = Lease(
            secrets.token_hex(8),
            token.name,
            token.digest,
            self._terms.sessions if token.max_sessions is None else token.max_sessions,
            self._terms.starts_per_minute,
        )
        rules = Rules(visit.model, token.models, token.voices)
        talk = Talk(token, lease, limits, rules, address, self._clock_s())
        self._talks[talk] = None  # before the first wait: a crowd at once is a crowd, too
        refusal: Refusal | None = STORE_AWAY
        try:
            refusal = await self._refusal_of(talk)
        finally:
            if refusal is not None:
                del self._talks[talk]
        return refusal or talk

    async def _refusal_of(self, talk: Talk) -> Refusal | None:
        verdict = await self._till.verdict(talk.token.name, talk.limits)
        if not verdict.allowed:
            return budget_spent("today" if verdict.span is Span.DAY else "this month")
        admission = await self._store.admit(talk.lease)
        return {Admission.TOO_MANY: TOO_MANY_SESSIONS, Admission.TOO_OFTEN: TOO_OFTEN}.get(admission)

    async def _identify(self, secret: str, address: str) -> Token | Refusal:
        """Who shows this. Of an address with many wrong tokens, only those are looked up that were right before."""
        digest = digest_of(secret)
        if digest not in self._known and self._failures.spent(address, self._clock_s()):
            return TOO_MANY_FAILURES
        token = await self._store.find(digest) if digest else None
        if token is None or token.revoked:
            self._known.pop(digest, None)
            self._failures.take(address, self._clock_s())
            return BAD_TOKEN if secret else NO_TOKEN
        self._known[digest] = None
        if len(self._known) > KNOWN_DIGESTS:
            del self._known[next(iter(self._known))]
        return token

    def begin(self, talk: Talk, pump: Pump) -> None:
        """The service is connected."""
        self._talks[talk] = pump
        self.metrics.started += 1
        self.metrics.opening_s += self._clock_s() - talk.began_s

    async def dismiss(self, talk: Talk) -> None:
        """The session is over, or came to nothing. May be called twice."""
        if talk not in self._talks:
            return
        begun = self._talks.pop(talk) is not None
        if begun:
            self._count(talk)
            self._tell(talk)
        try:
            await self._store.release(talk.lease)
        except StoreAwayError as error:
            self._store_failed(error)  # it expires

    def _count(self, talk: Talk) -> None:
        metrics = self.metrics
        metrics.ended[talk.ended_by or "relay"] += 1
        metrics.bytes_up += talk.bytes_up
        metrics.bytes_down += talk.bytes_down
        metrics.messages_up += talk.messages_up
        metrics.messages_down += talk.messages_down

    def page(self) -> str:
        """For Prometheus."""
        running = list(self._talks)
        now = replace(
            self.metrics,
            bytes_up=self.metrics.bytes_up + sum(talk.bytes_up for talk in running),
            bytes_down=self.metrics.bytes_down + sum(talk.bytes_down for talk in running),
            messages_up=self.metrics.messages_up + sum(talk.messages_up for talk in running),
            messages_down=self.metrics.messages_down + sum(talk.messages_down for talk in running),
        )
        waiting = float(self._till.waiting)
        gauges = [("sessions", len(running)), ("store_up", int(self.store_is_there)), ("unsettled_usd", waiting)]
        return text(now, gauges)

    # ------------------------------------------------------------ what passes (Watcher)

    def objected(self, talk: Talk, refusal: Refusal) -> None:
        """See `pump.Watcher`."""
        self.metrics.objected[refusal.code] += 1
        log.debug("A message of %s was not passed on: %s", talk.token.name, refusal.code)

    def passes(self, talk: Talk, message: str) -> None:
        """See `pump.Watcher`."""
        try:
            models = self._billed_as or talk.rules.model, self._billed_as or talk.transcriber
            passing = bills.read(message, *models, self._till.now())
        except bills.UnreadableError:
            self.metrics.bills_unread += 1
            return
        if passing is None:
            return
        if passing.kind == bills.CREATED:
            talk.open_responses += 1
        elif passing.kind == bills.DONE:
            talk.open_responses = max(0, talk.open_responses - 1)  # one that failed may never have begun
            talk.responses += 1
            talk.to_be_checked = self.store_is_there and talk.limits != NO_LIMITS
        if passing.transcriber is not None:
            talk.transcriber = passing.transcriber
        if passing.usage is not None:
            usd = self._till.charge(talk.token.name, talk.lease.session, passing.usage)
            talk.usd += usd
            self.metrics.usd += float(usd)
        if passing.kind in (bills.CREATED, bills.DONE):
            self._to_check.add(talk)
            self._wake.set()

    # ------------------------------------------------------------ in the background

    async def run(self) -> None:
        """Bill and renew until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._beats(), name="beats")
            tasks.create_task(self._checks(), name="checks")

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self.beat()

    async def beat(self) -> None:
        """Renew the sessions, end those of revoked tokens and those that stall, put the ledger on the disk."""
        now_s = self._clock_s()
        for pump in [pump for pump in self._talks.values() if pump is not None]:
            pump.check(now_s, self._config.stall_timeout_s)
        try:
            revoked = await self._store.renew([talk.lease for talk in self._talks])
        except StoreAwayError as error:
            self._store_failed(error)
        else:
            if not self.store_is_there:
                log.warning("The store of tokens is back.", extra=fields(event="StoreBack"))
            self.store_is_there = True
            for talk in [talk for talk in self._talks if talk.token.digest in revoked]:
                self._end(talk, REVOKED)
            self._to_check |= {talk for talk, pump in self._talks.items() if pump is not None}
            self._wake.set()
        if (descriptor := self._till.sync_copy()) is not None:
            await asyncio.to_thread(put_on_disk, descriptor)

    async def _checks(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.check_budgets()

    async def check_budgets(self) -> None:
        """Hand over what was spent, and end the sessions of those who have spent all."""
        talks, self._to_check = self._to_check, set()
        try:
            await self._till.flush()
            for talk in talks:
                await self._check_budget(talk)
        except StoreAwayError as error:
            self._store_failed(error)  # the next beat tries again; until then nobody is shown out
        for pump in [pump for talk in talks if (pump := self._talks.get(talk)) is not None]:
            pump.go_on()

    async def _check_budget(self, talk: Talk) -> None:
        if talk not in self._talks or talk.ended_by:
            return
        verdict = await self._till.verdict(talk.token.name, talk.limits)
        if verdict.allowed:
            return
        for other in [other for other in self._talks if other.token.name == talk.token.name]:
            self._end(other, budget_spent("today" if verdict.span is Span.DAY else "this month"))

    def _end(self, talk: Talk, refusal: Refusal) -> None:
        pump = self._talks.get(talk)
        if pump is not None and self._tasks is not None and not talk.ended_by:
            pump.condemn(refusal)
            self._tasks.create_task(pump.end(refusal), name=f"end {talk.lease.session}")

    def _store_failed(self, error: StoreAwayError) -> None:
        self.metrics.store_failures += 1
        if self.store_is_there:
            self.store_is_there = False
            log.error(
                "The store of tokens is away: no new session begins, those that run go on. %s",
                error,
                extra=fields(event="StoreAway"),
            )
