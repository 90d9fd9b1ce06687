"""What the responses of a session read, in tokens: what is left out as too long, and what is cached. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from speakerd.server.history import Item
from speakerd.server.settings import RetentionRatio, Truncation
from speakerd.server.usage import InputTokens, text_tokens

CONTEXT_TOKENS = 28_672
"""Read at most: a window of 32,768, less the longest answer of 4,096."""

_Piece: TypeAlias = tuple[str, int, int]
"""(what it is, its text tokens, its audio tokens)."""


class Reading:
    """One per session. The pieces that the response before read first, in the same order, are cached."""

    def __init__(self) -> None:
        self._before: list[_Piece] = []
        self._left_out: set[str] = set()

    def history(self, head: str, items: Sequence[Item], truncation: Truncation) -> InputTokens:
        """The conversation as a response reads it: `head` is the instructions and tools, then the items."""
        pieces = self._within([_piece(item) for item in items], truncation)
        return self._read(head, pieces, remember=True)

    def aside(self, head: str, items: Sequence[Item], truncation: Truncation | None = None) -> InputTokens:
        """What a response out of band reads; the next one of the conversation finds its own cache untouched."""
        pieces = [_piece(item) for item in items]
        return self._read(head, pieces if truncation is None else self._within(pieces, truncation), remember=False)

    def _read(self, head: str, pieces: list[_Piece], *, remember: bool) -> InputTokens:
        all_pieces = [(head, text_tokens(head), 0), *pieces]
        same = 0
        while same < min(len(all_pieces), len(self._before)) and all_pieces[same] == self._before[same]:
            same += 1
        if remember:
            self._before = all_pieces
        return InputTokens(*_sum(all_pieces), *_sum(all_pieces[:same]))

    def _within(self, pieces: list[_Piece], truncation: Truncation) -> list[_Piece]:
        """The pieces that are still read. What was left out once stays out, though it stays in the conversation."""
        self._left_out &= {name for name, _, _ in pieces}
        pieces = [piece for piece in pieces if piece[0] not in self._left_out]
        if truncation == "disabled":
            return pieces
        longest, keep = _limits(truncation)
        if sum(_sum(pieces)) <= longest:
            return pieces
        while len(pieces) > 1 and sum(_sum(pieces)) > keep:
            self._left_out.add(pieces.pop(0)[0])
        return pieces


def _limits(truncation: Truncation) -> tuple[int, int]:
    """(tokens from which something is left out, tokens that then remain)."""
    if not isinstance(truncation, RetentionRatio):
        return CONTEXT_TOKENS, CONTEXT_TOKENS
    asked = truncation.token_limits.post_instructions if truncation.token_limits is not None else None
    longest = CONTEXT_TOKENS if asked is None else min(asked, CONTEXT_TOKENS)
    return longest, int(longest * truncation.retention_ratio)


def _piece(item: Item) -> _Piece:
    return (item.id, *item.tokens())


def _sum(pieces: Sequence[_Piece]) -> tuple[int, int]:
    return sum(text for _, text, _ in pieces), sum(audio for _, _, audio in pieces)
