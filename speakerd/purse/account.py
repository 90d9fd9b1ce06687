"""The household's account: what is used is priced, written down and held against the budget."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from speakerd.logfields import fields
from speakerd.purse.budget import Budget, Limits, Notice, Span, Verdict
from speakerd.purse.entries import Entry
from speakerd.purse.ledger import Ledger, month_of, read
from speakerd.purse.prices import Prices
from speakerd.purse.report import dollars, of_day, rows, total
from speakerd.purse.usage import Traffic, Usage
from speakerd.threads import Worker
from speakerd.wallclock import local_now

log = logging.getLogger(__name__)

OPEN_BOUND = 8
"""Conversations that late bills are still accepted for; older ones are charged to none."""
JOIN_S = 0.5
"""Time for the disk to take what a conversation left, at the end of the daemon."""
MAX_UNPRICED = 100
"""Models without a price that are told of: a server may make up names."""
TOLD_CONVERSATIONS = 20
"""Conversations that the answer about what was sent lists one by one, the newest."""


def ledger_folder(environ: Mapping[str, str]) -> Path:
    """Where the ledger is: below systemd's `STATE_DIRECTORY`, else in the user's own state folder."""
    state = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if state:
        return Path(state) / "usage"
    home = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME") or "/") / ".local" / "state")
    return Path(home) / "speakerd" / "usage"


@dataclass(frozen=True, slots=True)
class Charge:
    """What one response or transcription cost."""

    usd: Decimal | None
    """None if the model has no known price."""
    notices: tuple[Notice, ...] = ()
    """To be told to the user, aloud; each comes once."""


@dataclass(slots=True)
class _Tab:
    """A conversation's running bill."""

    persona: str
    traffic: Callable[[], Traffic]
    booked: Traffic
    total: Entry
    is_new: bool = True

    def freeze(self) -> None:
        """Count nothing more: from here on the counters speak of another conversation."""
        final = self.booked
        self.traffic = lambda: final


class Account:
    """Owned by the loop, save `costs` and `sent_today`, which may be called in any thread."""

    def __init__(self, folder: Path, prices: Prices, limits: Limits, clock: Callable[[], datetime] = local_now) -> None:
        """Reads what was spent before; a ledger that cannot be read is told, and counts as empty."""
        self._folder = folder
        self._prices = prices
        self._clock = clock
        self._ledger = Ledger(folder)
        self._tabs: dict[str, _Tab] = {}
        self._unpriced: set[str] = set()
        self._syncing: Worker | None = None
        # All months: the clock may be wrong, and put right later.
        self._budget = Budget(limits, self._read(None))
        self._ledger.tidy(clock().date())

    def use(self, prices: Prices, limits: Limits) -> None:
        """Reckon with these from now on."""
        self._prices, self._budget.limits = prices, limits
        self._unpriced.clear()

    @property
    def lost(self) -> int:
        """Entries that could not be written."""
        return self._ledger.lost

    def verdict(self) -> Verdict:
        """Whether another response may be asked for today."""
        return self._budget.verdict(self._clock().date())

    def begin(self, persona: str, traffic: Callable[[], Traffic]) -> str:
        """Open a conversation's bill; its id. `traffic` tells what went over the wire so far, and only ever grows."""
        now = self._clock()
        name = unused = now.isoformat(timespec="seconds")
        count = 1
        while unused in self._tabs:
            count += 1
            unused = f"{name}#{count}"
        for tab in self._tabs.values():
            tab.freeze()
        while len(self._tabs) >= OPEN_BOUND:
            self._tabs.pop(next(iter(self._tabs)))
        self._tabs[unused] = _Tab(persona, traffic, traffic(), Entry(at=now, conversation=unused, persona=persona))
        return unused

    def charge(self, usage: Usage, conversation: str) -> Charge:
        """Book a response or a transcription; also one that comes when its conversation has ended."""
        usd = self._prices.cost(usage)
        if usd is None and usage.model not in self._unpriced and len(self._unpriced) < MAX_UNPRICED:
            self._unpriced.add(usage.model)
            log.warning(
                "The model %s has no known price: what it costs is not counted, no limit holds it. "
                "Give its price in the file of purse.prices.",
                usage.model or "(none)",
                extra=fields(event="PriceUnknown", model=usage.model or "(none)"),
            )
        entry = Entry(
            at=usage.at if usage.at.tzinfo is not None else usage.at.astimezone(),
            model=usage.model,
            responses=int(not usage.is_transcription),
            transcriptions=int(usage.is_transcription),
            unpriced=int(usd is None),
            usd=usd or Decimal(0),
            heard_ms=usage.heard_ms,
            tokens=usage.tokens,
        )
        self._book(entry, conversation)
        notices = self._budget.spend(entry.at.date(), entry.usd)
        for notice in notices:
            self._ledger.append(Entry(at=entry.at, notice=notice.mark))
        return Charge(usd, notices)

    def end(self, conversation: str) -> Entry:
        """Close a conversation's bill; what it came to, for the journal. For a quiet moment: it tidies the ledger."""
        now = self._clock()
        tab = self._tabs.get(conversation)
        self._book(Entry(at=now), conversation)
        if tab is not None:
            tab.freeze()
        self._ledger.tidy(now.date())
        self._sync_aside()
        return tab.total if tab is not None else Entry(at=now)

    def close(self) -> None:
        """Put the ledger on the disk. May be called twice."""
        if self._syncing is not None:
            self._syncing.join(JOIN_S)
        self._ledger.close()

    # ------------------------------------------------------------ answers for the user

    def costs(self) -> dict[str, Any]:
        """What today and this month have cost, in plain words for the assistant. Thread-safe; reads the ledger."""
        today = self._clock().date()
        entries = self._read({month_of(today)})
        answer: dict[str, Any] = {"currency": "US dollars"}
        for span, found in (
            (Span.DAY, of_day(entries, today)),
            (Span.MONTH, entries),
        ):
            whole = total(found)
            part: dict[str, Any] = {
                "spent": dollars(whole.usd) if whole else "0.00",
                "conversations": whole.conversations if whole else 0,
                "responses": whole.responses if whole else 0,
            }
            if whole and whole.unpriced:
                part["without_known_price"] = whole.unpriced
            if (limit := self._budget.limits.of(span)) is not None:
                part["limit"] = dollars(limit)
            answer["today" if span is Span.DAY else "this_month"] = part
        return answer

    def sent_today(self) -> dict[str, Any]:
        """The receipt of today: sound and bytes sent, by conversation. Thread-safe; reads the ledger."""
        today = self._clock().date()
        entries = of_day(self._read({month_of(today)}), today)
        by_conversation = rows(entries, "conversation")
        sent = total([*entries, *self._running()])
        traffic = sent.traffic if sent else Traffic()
        return {
            "seconds_of_sound_sent": round(traffic.ms_up / 1000),
            "bytes_sent": traffic.bytes_up,
            "seconds_of_sound_received": round(traffic.ms_down / 1000),
            "conversations": len(by_conversation),
            "each_conversation": [
                {
                    "began": row.name[11:16],
                    "seconds_of_sound_sent": round(row.total.traffic.ms_up / 1000),
                    "bytes_sent": row.total.traffic.bytes_up,
                }
                for row in by_conversation[-TOLD_CONVERSATIONS:]
            ],
        }

    # ------------------------------------------------------------ inside

    def _running(self) -> list[Entry]:
        """What went over the wire and is not in the ledger yet."""
        now = self._clock()
        return [Entry(at=now, traffic=tab.traffic().since(tab.booked)) for tab in list(self._tabs.values())]

    def _book(self, entry: Entry, conversation: str) -> None:
        """Complete `entry` from the conversation's tab, and append it."""
        tab = self._tabs.get(conversation)
        if tab is None:
            self._ledger.append(replace(entry, conversation=conversation))
            return
        traffic = tab.traffic()
        entry = replace(
            entry,
            conversation=conversation,
            persona=tab.persona,
            conversations=int(tab.is_new),
            traffic=traffic.since(tab.booked),
        )
        tab.booked, tab.is_new, tab.total = traffic, False, tab.total + entry
        self._ledger.append(entry)

    def _read(self, months: set[str] | None) -> list[Entry]:
        """Entries of these months, None: of all. Thread-safe."""
        try:
            reading = read(self._folder, months)
        except OSError as error:
            log.warning(
                "The ledger cannot be read, so what was spent before is not known: %s",
                error,
                extra=fields(event="LedgerUnreadable"),
            )
            return []
        if reading.damaged:
            log.warning(
                "The ledger has %d damaged lines; what they told is not counted.",
                reading.damaged,
                extra=fields(event="LedgerDamaged", lines=reading.damaged),
            )
        return reading.entries

    def _sync_aside(self) -> None:
        """Put the ledger on the disk in a thread of its own; a disk may take its time."""
        descriptor = self._ledger.sync_copy()
        if descriptor is None:
            return

        def sync(_worker: Worker) -> None:
            with contextlib.suppress(OSError):  # told by the next write
                os.fdatasync(descriptor)
            os.close(descriptor)

        self._syncing = Worker("ledger", sync, _tell_death)
        self._syncing.start()


def _tell_death(_name: str, error: BaseException) -> None:
    log.error("The ledger's thread died: %s", error, extra=fields(event="LedgerDied"))
