"""What 20 turns cost: with and without forgetting the beginning, with answers of skills long and cut.

    python bench/cost.py [--turns 20] [--user-s 5] [--reply-s 8]

Counts tokens as the embedded server does (10 a second of the user's voice, 20 of the assistant's, a token for four
characters), lets the server forget as `truncation: retention_ratio` is documented, takes as cached what the response
before has read from the beginning on, and prices all with the shipped table, also as if nothing were cached. Reckoning,
not measurement. Prints markdown.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speakerd.config.model import Realtime, Skills
from speakerd.purse.pricelist import load_prices
from speakerd.purse.usage import Tokens, Usage
from speakerd.server.usage import (
    ASSISTANT_TOKENS_PER_S,
    USER_TOKENS_PER_S,
    audio_tokens,
    text_tokens,
)
from speakerd.skills.builtin import built_in
from speakerd.skills.ports import Ports
from speakerd.skills.registry import Registry

RETENTION_RATIO = 0.8
CHARACTERS_PER_S = 15
"""Of speech, written down."""
LONG_CHARACTERS = 20_000
"""What a web page or a list of all entities easily has."""
MODELS = ("gpt-realtime-2.1-mini", "gpt-realtime-2.1")


@dataclass(frozen=True)
class Item:
    """One item of the conversation, as input."""

    text: int
    audio: int = 0


@dataclass(frozen=True)
class Plan:
    """A conversation."""

    turns: int
    user_s: float
    reply_s: float
    skill_characters: int
    """Answer of a skill in every second turn; 0 for no skills."""
    limit: int
    """Tokens from which the server forgets; 0 for never."""


def responses(plan: Plan) -> Iterator[Tokens]:
    """What each response of the conversation uses."""
    items: list[Item] = []
    read: list[Item] = []
    for turn in range(plan.turns):
        items.append(Item(0, audio_tokens(plan.user_s * 1000, USER_TOKENS_PER_S)))
        call = Item(text_tokens('set_volume{"percent":50}'))
        reply_text = text_tokens("x" * int(plan.reply_s * CHARACTERS_PER_S))
        reply = Item(reply_text, audio_tokens(plan.reply_s * 1000, ASSISTANT_TOKENS_PER_S))
        outputs = [reply]
        if plan.skill_characters and turn % 2:
            outputs = [call, reply]
        for output in outputs:
            items = forget(items, plan.limit)
            yield tokens(items, read, output)
            read = list(items)
            items.append(output)
            if output is call:
                items.append(Item(text_tokens("x" * plan.skill_characters)))


def forget(items: list[Item], limit: int) -> list[Item]:
    """The items without the oldest, so that a share of the limit is left free."""
    if not limit or size(items) <= limit:
        return items
    while len(items) > 1 and size(items) > RETENTION_RATIO * limit:
        items = items[1:]
    return items


def size(items: list[Item]) -> int:
    """Tokens in all."""
    return sum(item.text + item.audio for item in items)


def instructions() -> int:
    """Tokens of our default instructions and built-in tools."""

    class Anything:
        pass

    everything = Ports(clock=lambda: datetime.now(UTC), end=lambda: None, volume=Anything(), purse=Anything())  # type: ignore[arg-type]
    return text_tokens(Realtime().instructions + json.dumps(Registry(built_in(everything)).tools()))


def tokens(items: list[Item], read: list[Item], output: Item) -> Tokens:
    """What one response uses: cached is what stands at the beginning of both inputs."""
    same = 0
    while same < min(len(items), len(read)) and items[same] is read[same]:
        same += 1
    head = instructions()
    return Tokens(
        text_in=head + sum(item.text for item in items),
        audio_in=sum(item.audio for item in items),
        cached_text_in=(head if read else 0) + sum(item.text for item in items[:same]),
        cached_audio_in=sum(item.audio for item in items[:same]),
        text_out=output.text,
        audio_out=output.audio,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--user-s", type=float, default=5)
    parser.add_argument("--reply-s", type=float, default=8)
    given = parser.parse_args()
    ours, cut = Realtime().history_tokens, Skills().output_characters
    print(f"{given.turns} turns, {given.user_s:g} s of question and {given.reply_s:g} s of answer each;", end=" ")
    print(f"{instructions()} tokens of instructions and tools.\n")
    heads = [f"{model}, USD (nothing cached)" for model in MODELS]
    print(f"| answers of skills | forgets from | tokens read | of these cached | {' | '.join(heads)} |")
    print("|---" * (4 + len(MODELS)) + "|")
    for characters in (0, cut, LONG_CHARACTERS):
        for limit in (0, ours, ours // 2):
            used = list(responses(Plan(given.turns, given.user_s, given.reply_s, characters, limit)))
            whole = sum(used, Tokens())
            read, cached = whole.text_in + whole.audio_in, whole.cached_text_in + whole.cached_audio_in
            plain = replace(whole, cached_text_in=0, cached_audio_in=0)
            sums = [f"{cost(model, whole):.2f} ({cost(model, plain):.2f})" for model in MODELS]
            words = f"{characters} characters" if characters else "none"
            when = f"{limit} tokens" if limit else "never"
            print(f"| {words} | {when} | {read} | {100 * cached / read:.0f} % | {' | '.join(sums)} |")


def cost(model: str, used: Tokens) -> Decimal:
    """US dollars."""
    usd = load_prices().cost(Usage(model=model, at=datetime.now(UTC), tokens=used))
    assert usd is not None
    return usd


if __name__ == "__main__":
    main()
