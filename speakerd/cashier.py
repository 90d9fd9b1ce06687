"""Keeps the bill of each conversation, and says when there is no money for another. Owned by the loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from speakerd.cast import Cast
from speakerd.config.model import Config
from speakerd.conversation.events import Event, WakeDetected
from speakerd.conversation.state import State
from speakerd.logfields import fields
from speakerd.pcm import WIRE_RATE_HZ
from speakerd.purse.account import Account, ledger_folder
from speakerd.purse.budget import Grade, Limits, Notice, Span, Verdict
from speakerd.purse.entries import Entry
from speakerd.purse.pricelist import load_prices
from speakerd.purse.prices import Prices
from speakerd.purse.report import dollars
from speakerd.purse.usage import Tokens, Traffic, Usage
from speakerd.realtime.address import asked_model
from speakerd.realtime.connection import Octets
from speakerd.realtime.outputs import ResponseUsage, TranscriptionUsage
from speakerd.skills.ports import PursePort
from speakerd.wallclock import local_now

log = logging.getLogger(__name__)

EMBEDDED = "embedded"
_BYTES_PER_MS = 2 * WIRE_RATE_HZ // 1000
_SMALLEST = Decimal("0.0001")
_UNTIL = {Span.DAY: "midnight", Span.MONTH: "the first of next month"}
_WHEN = {Span.DAY: "today", Span.MONTH: "this month"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no conversation may begin."""

    told: str
    """For the journal, with sums."""
    spoken: str


class Cashier:
    """One for the life of the daemon."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        octets: Callable[[], Octets],
        remark: Callable[[str, str], None] = lambda _sentence, _about: None,
        is_free: Callable[[], bool] = lambda: False,
    ) -> None:
        """Reads the prices and what was spent before. Raises ConfigError for prices that cannot be read.

        `octets` tells what went over the wire since the start. `remark` takes what is to be said aloud, and about
        what. `is_free` tells whether the embedded server answers in the place of the service.
        """
        self._cast = Cast(config)
        self._realtime = config.realtime
        self._account = Account(
            ledger_folder(environ), load_prices(config.purse.prices), Limits.from_section(config.purse)
        )
        self._octets = octets
        self._is_free = is_free
        self._remark = remark
        self._sent_bytes = self._received_bytes = 0
        self._conversation = ""
        """The newest; bills may come late."""
        self._open = False
        self._word = ""

    def use(self, config: Config, prices: Prices) -> None:
        """Reckon with these from the next conversation on."""
        self._cast = Cast(config)
        self._account.use(prices, Limits.from_section(config.purse))

    @property
    def purse(self) -> PursePort:
        """What the assistant may tell of it."""
        return self._account

    @property
    def lost(self) -> int:
        """Entries of the ledger that could not be written."""
        return self._account.lost

    def refusal(self) -> Refusal | None:
        """Why no conversation may begin now; None if one may, as the embedded server's always, which are free."""
        return None if self._realtime.url == EMBEDDED else refusal(self._account.verdict())

    @property
    def used_up(self) -> bool:
        """There is no money for another response, and it would cost some."""
        return not self._is_free() and self.refusal() is not None

    def sent(self, pcm: bytes) -> None:
        """Count sound that goes to the server: int16 mono 24 kHz."""
        self._sent_bytes += 0 if self._is_free() else len(pcm)

    def received(self, pcm: bytes) -> None:
        """Count sound that came."""
        self._received_bytes += 0 if self._is_free() else len(pcm)

    def charge(self, used: ResponseUsage | TranscriptionUsage) -> None:
        """Book what a response or a transcription took."""
        charge = self._account.charge(self._usage(used), self._conversation)
        for notice in aloud(charge.notices):
            self._remark(spoken(notice.span, notice.grade), notice.span)
        for notice in charge.notices:
            spent = {"spent_usd": str(notice.spent), "limit_usd": str(notice.limit)}
            event = "BudgetUsedUp" if notice.grade is Grade.EXHAUSTED else "BudgetNear"
            log.warning("%s", told(notice), extra=fields(event=event, span=notice.span, **spent))

    def observe(self, event: Event, before: State, after: State, _now_s: float) -> None:
        """The conductor's observer: opens a bill with a conversation, and closes it."""
        if isinstance(event, WakeDetected):
            self._word = event.word
        if after is before:
            return
        if after in (State.IDLE, State.CONNECTING):
            self._end()
        if after is State.CONNECTING:
            self._realtime = self._cast.answering(self._word).realtime
            self._conversation = self._account.begin(self._cast.billed_to(self._word), self._traffic)
            self._open = True

    def close(self) -> None:
        """Put all on the disk. May be called twice."""
        self._end()
        self._account.close()

    def _end(self) -> None:
        if not self._open:
            return
        self._open = False
        entry = self._account.end(self._conversation)
        tokens, traffic = entry.tokens, entry.traffic
        figures = {
            "cost_usd": f"{entry.usd:f}",
            "responses": entry.responses,
            "unpriced": entry.unpriced,
            "tokens_read": tokens.text_in + tokens.audio_in,
            "tokens_cached": tokens.cached_text_in + tokens.cached_audio_in,
            "tokens_written": tokens.text_out + tokens.audio_out,
            "sent_s": traffic.ms_up / 1000,
            "received_s": traffic.ms_down / 1000,
            "sent_bytes": traffic.bytes_up,
            "received_bytes": traffic.bytes_down,
        }
        log.info("%s", bill(entry), extra=fields(event="Bill", conversation=entry.conversation, **figures))

    def _traffic(self) -> Traffic:
        """What has left this machine and come to it."""
        if self._realtime.url == EMBEDDED:
            return Traffic()
        octets = self._octets()
        return Traffic(
            ms_up=self._sent_bytes // _BYTES_PER_MS,
            bytes_up=octets.sent,
            ms_down=self._received_bytes // _BYTES_PER_MS,
            bytes_down=octets.received,
        )

    def _usage(self, used: ResponseUsage | TranscriptionUsage) -> Usage:
        embedded = EMBEDDED if self._realtime.url == EMBEDDED or self._is_free() else ""
        if isinstance(used, TranscriptionUsage):
            return Usage(
                model=embedded or self._realtime.transcription_model,
                at=local_now(),
                tokens=Tokens(text_in=used.input_text, audio_in=used.input_audio, text_out=used.output_text),
                heard_ms=round(used.seconds * 1000),
                is_transcription=True,
            )
        took = used.usage
        tokens = Tokens(
            text_in=took.input_text,
            audio_in=took.input_audio,
            cached_text_in=took.cached_text,
            cached_audio_in=took.cached_audio,
            text_out=took.output_text,
            audio_out=took.output_audio,
        )
        asked = asked_model(self._realtime.url, self._realtime.model)
        return Usage(model=embedded or used.model or asked, at=local_now(), tokens=tokens)


# ---------------------------------------------------------------- in words


def amount(usd: Decimal) -> str:
    """US dollars, as fine as it must be to tell it from nothing."""
    return dollars(usd) if usd == 0 or usd >= _SMALLEST else f"{usd.normalize():f}"


def refusal(verdict: Verdict) -> Refusal | None:
    """Why no conversation may begin; None if one may."""
    if verdict.allowed or verdict.span is None or verdict.limit is None:
        return None
    return Refusal(
        f"No conversation begins before {_UNTIL[verdict.span]}: {amount(verdict.spent)} US dollars were spent "
        f"{_WHEN[verdict.span]}, and purse.limit_per_{verdict.span}_usd is {amount(verdict.limit)}.",
        spoken(verdict.span, Grade.EXHAUSTED),
    )


def aloud(notices: Sequence[Notice]) -> Sequence[Notice]:
    """Those that are said: where the month's money is spent, nobody is back tomorrow."""
    return [notice for notice in notices if (notice.span, notice.grade) == (Span.MONTH, Grade.EXHAUSTED)] or notices


def spoken(span: Span, grade: Grade) -> str:
    """For the loudspeaker: without sums, so that it is made once."""
    whose, again = ("Today's", "tomorrow") if span is Span.DAY else ("This month's", "next month")
    if grade is Grade.EXHAUSTED:
        return f"{whose} budget is used up. I will be back {again}."
    return f"{whose} budget is nearly used up."


def told(notice: Notice) -> str:
    """A limit comes near, or is reached."""
    spent = f"{amount(notice.spent)} of {amount(notice.limit)} US dollars for {_WHEN[notice.span]} are spent"
    after = f"; no further conversation begins before {_UNTIL[notice.span]}" * (notice.grade is Grade.EXHAUSTED)
    return f"{spent}{after}."


def bill(entry: Entry) -> str:
    """What a conversation came to."""
    tokens, traffic = entry.tokens, entry.traffic
    missing = f", without {entry.unpriced} bills that have no known price" if entry.unpriced else ""
    return (
        f"The conversation cost {amount(entry.usd)} US dollars{missing}: "
        f"{tokens.text_in + tokens.audio_in} tokens read, {tokens.text_out + tokens.audio_out} written, "
        f"{traffic.ms_up / 1000:.0f} s of sound sent, {traffic.ms_down / 1000:.0f} s received."
    )
