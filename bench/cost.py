"""What 20 turns cost: with and without forgetting the beginning, with answers of skills whole and cut.

    python bench/cost.py [--turns 20] [--user-s 5] [--reply-s 8]

Our protocol talks with a session of the embedded server, on the desk: no socket, no sound card, a clock that is moved
by hand, ears and voice that answer at once. The server counts as the service does (10 tokens a second of the user's
voice, 20 of the assistant's, a token for four characters; cached is what the response before read from the beginning
on), and forgets as `session.truncation` asks. Its bills are priced by the shipped table, and as if nothing were cached.
Prints markdown.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speakerd.config.model import Realtime, Skills
from speakerd.pcm import PERIOD_MS, WIRE_RATE_HZ
from speakerd.purse.pricelist import load_prices
from speakerd.purse.usage import Tokens, Usage
from speakerd.realtime.outputs import ResponseUsage, ToolsCalled
from speakerd.realtime.protocol import RealtimeProtocol
from speakerd.realtime.settings import Limits, session_settings
from speakerd.server.effects import Effect, Send, Speak, Transcribe
from speakerd.server.session import Session
from speakerd.server.usage import text_tokens
from speakerd.skills.builtin import built_in
from speakerd.skills.ports import Ports
from speakerd.skills.registry import Registry

LONG_CHARACTERS = 20_000
"""What a web page or a list of all entities easily has."""
LIMITS = (0, 16_000, 8_000, 4_000)
MODELS = ("gpt-realtime-2.1-mini", "gpt-realtime-2.1")
QUESTION, ORDER = "Tell me about " + "the weather and the sea " * 4, "Set the volume to 50."


@dataclass(frozen=True)
class Plan:
    """A conversation."""

    turns: int
    user_s: float
    reply_s: float
    skill_characters: int
    """Answer of a skill in every second turn; 0 for no skills."""
    history_tokens: int


class Desk:
    """Our protocol on one side, the server's session on the other."""

    def __init__(self, plan: Plan, tools: Sequence[dict]) -> None:
        self.plan = plan
        self.used: list[Tokens] = []
        self._now_s = 0.0
        self._words = ""
        self._responses = 0
        self._reply_left_s = plan.reply_s
        numbers = itertools.count(1)
        self._server = Session("m", lambda prefix: f"{prefix}_{next(numbers)}", lambda: datetime.now(UTC), 0.0)
        settings = session_settings(Realtime(history_tokens=plan.history_tokens), tools=tools)
        # Nobody speaks here, so no turn of the server's detection begins the count of tool rounds anew.
        self._ours = RealtimeProtocol(1, settings, Limits(tool_rounds=10 * plan.turns))
        self._ours.connected(0.0)
        self._take(self._server.start())
        self._send()

    def turn(self, words: str) -> None:
        """The user says something; until its answer is over, with all calls."""
        self._words = words
        for _ in range(round(self.plan.user_s * 1000 / PERIOD_MS)):
            self._ours.append_audio(bytes(2 * WIRE_RATE_HZ * PERIOD_MS // 1000))
        self._send()
        self._responses = 1
        self._take(self._server.receive('{"type":"input_audio_buffer.commit"}', self._now_s))
        self._ours.create_response(self._now_s)
        self._send()
        while self._responses:
            assert not self._server.closed
            self._now_s = self._server.deadline_s
            self._take(self._server.tick(self._now_s))

    def _send(self) -> None:
        while frames := self._ours.take_outgoing():
            for frame in frames:
                self._take(self._server.receive(frame, self._now_s))

    def _take(self, effects: list[Effect]) -> None:
        jobs = [effect for effect in effects if isinstance(effect, Speak | Transcribe)]
        for effect in effects:
            if isinstance(effect, Send):
                self._hear(effect.text)
        for job in jobs:
            result = self._words if isinstance(job, Transcribe) else self._voice()
            self._take(self._server.job_done(job.job, result, self._now_s))

    def _voice(self) -> np.ndarray:
        """The first sentence of a reply takes all its time, the others take none."""
        seconds, self._reply_left_s = self._reply_left_s, 0.01
        return np.zeros(round(seconds * WIRE_RATE_HZ), np.int16)

    def _hear(self, text: str) -> None:
        for output in self._ours.receive(text, self._now_s):
            if isinstance(output, ToolsCalled):
                self._responses += 1
                answers = [(call.call_id, "word " * (self.plan.skill_characters // 5)) for call in output.calls]
                self._ours.answer_tools(answers, self._now_s)
            elif isinstance(output, ResponseUsage):
                self._responses -= 1
                self._reply_left_s = self.plan.reply_s
                took = output.usage
                self.used.append(
                    Tokens(
                        text_in=took.input_text,
                        audio_in=took.input_audio,
                        cached_text_in=took.cached_text,
                        cached_audio_in=took.cached_audio,
                        text_out=took.output_text,
                        audio_out=took.output_audio,
                    )
                )
        self._send()


def tools() -> list[dict]:
    """Those that every speaker has."""

    class Anything:
        pass

    everything = Ports(clock=lambda: datetime.now(UTC), end=lambda: None, volume=Anything(), purse=Anything())  # type: ignore[arg-type]
    return Registry(built_in(everything)).tools()


def bills(plan: Plan) -> list[Tokens]:
    """What each response of the conversation took."""
    desk = Desk(plan, tools())
    for turn in range(plan.turns):
        desk.turn(ORDER if plan.skill_characters and turn % 2 else QUESTION)
    return desk.used


def cost(model: str, used: Tokens) -> Decimal:
    """US dollars."""
    usd = load_prices().cost(Usage(model=model, at=datetime.now(UTC), tokens=used))
    assert usd is not None
    return usd


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--user-s", type=float, default=5)
    parser.add_argument("--reply-s", type=float, default=8)
    given = parser.parse_args()
    head = text_tokens(Realtime().instructions + json.dumps(tools()))
    print(f"{given.turns} turns, {given.user_s:g} s of question and {given.reply_s:g} s of answer each;", end=" ")
    print(f"some {head} tokens of instructions and tools.\n")
    heads = [f"{model}, USD (nothing cached)" for model in MODELS]
    print(f"| answers of skills | forgets from | responses | read | cached | largest | {' | '.join(heads)} |")
    print("|---" * (6 + len(MODELS)) + "|")
    for characters in (0, Skills().output_characters, LONG_CHARACTERS):
        for limit in LIMITS:
            used = bills(Plan(given.turns, given.user_s, given.reply_s, characters, limit))
            whole = sum(used, Tokens())
            read, cached = whole.text_in + whole.audio_in, whole.cached_text_in + whole.cached_audio_in
            largest = max(one.text_in + one.audio_in for one in used)
            plain = replace(whole, cached_text_in=0, cached_audio_in=0)
            sums = [f"{cost(model, whole):.2f} ({cost(model, plain):.2f})" for model in MODELS]
            words = f"{characters:,} characters" if characters else "none"
            when = f"{limit:,} tokens" if limit else "as the server likes"
            counts = f"{len(used)} | {read:,} | {100 * cached / read:.0f} % | {largest:,}"
            print(f"| {words} | {when} | {counts} | {' | '.join(sums)} |")


if __name__ == "__main__":
    main()
