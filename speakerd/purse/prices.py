"""Prices, and what a response costs by them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from speakerd.config.mistakes import Mistake, Place, listed, nearest, shown
from speakerd.config.yaml_nodes import Node, read_nodes
from speakerd.purse.usage import Usage

MILLION = Decimal(1_000_000)
MS_PER_MINUTE = Decimal(60_000)

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_KEYS = ("text", "audio", "minute", "as")
_RATES = ("in", "cached", "out")


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars per million tokens of one kind."""

    read: Decimal
    cached: Decimal
    written: Decimal

    def cost(self, read: int, cached: int, written: int) -> Decimal:
        """US dollars for these tokens; `cached` of those that were `read` are cheaper."""
        return (self.read * (read - cached) + self.cached * cached + self.written * written) / MILLION


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs; None for what it is not paid by."""

    text: Rate | None = None
    audio: Rate | None = None
    minute: Decimal | None = None
    """US dollars per minute of sound."""

    def cost(self, usage: Usage) -> Decimal | None:
        """US dollars, exact; None if something was used that has no price."""
        tokens = usage.tokens
        total = Decimal(0)
        if tokens.text_in or tokens.text_out:
            if self.text is None:
                return None
            total += self.text.cost(tokens.text_in, tokens.cached_text_in, tokens.text_out)
        if tokens.audio_in or tokens.audio_out:
            if self.audio is None:
                return None
            total += self.audio.cost(tokens.audio_in, tokens.cached_audio_in, tokens.audio_out)
        if usage.heard_ms > 0:
            if self.minute is None:
                return None
            total += self.minute * usage.heard_ms / MS_PER_MINUTE
        return total


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by model."""

    by_model: Mapping[str, Price] = field(default_factory=lambda: MappingProxyType({}))

    def cost(self, usage: Usage) -> Decimal | None:
        """US dollars, exact; None if the model, or something of what it used, has no price."""
        price = self.by_model.get(usage.model) or self.by_model.get(_DATED.sub("", usage.model))
        return None if price is None else price.cost(usage)


def read_prices(text: str, source: str, base: Prices | None = None) -> tuple[Prices, list[Mistake]]:
    """The table in the YAML `text`, laid over `base` model by model, and every mistake in it. Never raises.

    `source` names the file in the mistakes.
    """
    by_model = dict(base.by_model) if base else {}
    root, mistakes = read_nodes(text, lambda line: Place(in_environment=False, source=source, line=line))
    reader = _Reader(mistakes.append)
    aliases: list[tuple[str, Node]] = []
    for model, node in reader.section("", root).items() if root is not None else ():
        entry = reader.section(model, node, _KEYS)
        if "as" in entry:
            aliases.append((model, entry["as"]))
        elif entry:
            by_model[model] = reader.price(model, entry)
    for model, node in aliases:
        if isinstance(node.value, str) and node.value in by_model:
            by_model[model] = by_model[node.value]
        else:
            meant = nearest(str(node.value), by_model)
            hint = f" (did you mean {meant}?)" if meant else ""
            reader.blame(node, f"{model}.as", f"the name of a model with prices{hint}")
    return Prices(MappingProxyType(by_model)), mistakes


@dataclass(frozen=True, slots=True)
class _Reader:
    """Checked access to the nodes of a table."""

    tell: Callable[[Mistake], None]

    def blame(self, node: Node, key: str, expected: str) -> None:
        if not node.broken:
            self.tell(
                Mistake(node.place, key, f"found {shown(node.text) if node.text else 'none'}, expected {expected}")
            )

    def section(self, key: str, node: Node | None, names: tuple[str, ...] = ()) -> dict[str, Node]:
        """The entries of a mapping; those with other names than `names` are blamed, and left out."""
        if node is None or not isinstance(node.value, dict):
            if node is not None and not (key == "" and node.value is None):  # an empty file is an empty table
                self.blame(node, key, f"a section with {listed(names)}" if names else "models with their prices")
            return {}
        for name, child in node.value.items():
            if names and name not in names:
                self.blame(child, f"{key}.{name}", f"{listed(names)} instead of {name}")
        return {name: child for name, child in node.value.items() if not names or name in names}

    def price(self, model: str, entry: dict[str, Node]) -> Price:
        minute = self.number(f"{model}.minute", entry["minute"]) if "minute" in entry else None
        return Price(self.rate(model, "text", entry), self.rate(model, "audio", entry), minute)

    def rate(self, model: str, kind: str, entry: dict[str, Node]) -> Rate | None:
        if kind not in entry:
            return None
        key = f"{model}.{kind}"
        numbers = {
            name: self.number(f"{key}.{name}", child) for name, child in self.section(key, entry[kind], _RATES).items()
        }
        read = numbers.get("in", Decimal(0))
        # Where nothing is said of cached input, it is as dear as the other: a bill must not be too low.
        return Rate(read, numbers.get("cached", read), numbers.get("out", Decimal(0)))

    def number(self, key: str, node: Node) -> Decimal:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MILLION:
            self.blame(node, key, "US dollars as a number, 0 or more")
            return Decimal(0)
        return Decimal(str(value))
