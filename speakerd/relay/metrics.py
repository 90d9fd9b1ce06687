"""What the relay counts, and the text in which Prometheus reads it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

Sample: TypeAlias = tuple[str, float]
"""A name with its labels, and a value."""


@dataclass(slots=True)
class Metrics:
    """Counters since the start."""

    started: int = 0
    """Sessions that reached the service."""
    refused: Counter[str] = field(default_factory=Counter)
    """Requests that got no session, by code."""
    ended: Counter[str] = field(default_factory=Counter)
    """Sessions, by who ended them."""
    objected: Counter[str] = field(default_factory=Counter)
    """Messages that were not passed on, by code."""
    bytes_up: int = 0
    bytes_down: int = 0
    """Of messages: characters, which for JSON in ASCII is the same."""
    messages_up: int = 0
    messages_down: int = 0
    usd: float = 0.0
    bills_unread: int = 0
    """Messages that may have been bills, and could not be read."""
    store_failures: int = 0
    turned_away: int = 0
    """Connections that found no room, and were closed before they said what they want."""
    opening_s: float = 0.0
    """Time from the request to the service's answer, of all sessions."""


def text(metrics: Metrics, gauges: Iterable[Sample]) -> str:
    """The page at /metrics."""
    return "".join(_lines(metrics, gauges))


def _lines(m: Metrics, gauges: Iterable[Sample]) -> Iterator[str]:
    for name, value in gauges:
        yield from _family(f"{name}", "gauge", [("", value)])
    yield from _family("sessions_started_total", "counter", [("", m.started)])
    yield from _family("session_opening_seconds_total", "counter", [("", m.opening_s)])
    yield from _family("requests_refused_total", "counter", _by("code", m.refused))
    yield from _family("sessions_ended_total", "counter", _by("by", m.ended))
    yield from _family("messages_objected_total", "counter", _by("code", m.objected))
    directions = (("up", m.bytes_up, m.messages_up), ("down", m.bytes_down, m.messages_down))
    yield from _family("bytes_total", "counter", [(f'direction="{way}"', size) for way, size, _ in directions])
    yield from _family("messages_total", "counter", [(f'direction="{way}"', count) for way, _, count in directions])
    yield from _family("spent_usd_total", "counter", [("", m.usd)])
    yield from _family("bills_unread_total", "counter", [("", m.bills_unread)])
    yield from _family("store_failures_total", "counter", [("", m.store_failures)])
    yield from _family("connections_turned_away_total", "counter", [("", m.turned_away)])


def _by(label: str, counts: Counter[str]) -> list[Sample]:
    return [(f'{label}="{_quoted(name)}"', count) for name, count in sorted(counts.items())]


def _family(name: str, kind: str, samples: list[Sample]) -> Iterator[str]:
    yield f"# TYPE speakerd_relay_{name} {kind}\n"
    for labels, value in samples:
        yield f"speakerd_relay_{name}{{{labels}}} {value}\n" if labels else f"speakerd_relay_{name} {value}\n"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
