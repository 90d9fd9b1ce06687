"""The session that we ask for, and whether the server agreed. Pure."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from speakerd.config.model import Realtime
from speakerd.pcm import WIRE_RATE_HZ
from speakerd.realtime.reader import Json, finite

TOLERATED = (
    "audio.output.voice",
    "audio.output.speed",
    "audio.input.noise_reduction",
    "audio.input.transcription",
    "audio.input.turn_detection.threshold",
    "audio.input.turn_detection.prefix_padding_ms",
    "audio.input.turn_detection.silence_duration_ms",
    "audio.input.turn_detection.create_response",
    "truncation",
    "tool_choice",
)
"""What a compatible server may do in its own way; we can live with that, and say so."""


def session_settings(
    realtime: Realtime, *, transcripts: bool = False, tools: Sequence[Json] = (), withhold: bool = False
) -> Json:
    """The `session` of `session.update`.

    `tools` are of the published schema (functions and MCP servers). `withhold`: the server answers nobody
    until `release_responses`. `interrupt_response` is false because only this side knows what the
    loudspeaker plays: it decides about interruptions, cancels and truncates by itself (two deciders fight).
    """
    pcm = {"type": "audio/pcm", "rate": WIRE_RATE_HZ}
    turns = realtime.turn_detection
    reduction = None if realtime.noise_reduction == "off" else {"type": realtime.noise_reduction}
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": realtime.instructions,
        "audio": {
            "input": {
                "format": pcm,
                "noise_reduction": reduction,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": turns.threshold,
                    "prefix_padding_ms": turns.prefix_padding_ms,
                    "silence_duration_ms": turns.silence_duration_ms,
                    "create_response": not withhold,
                    "interrupt_response": False,
                },
                **({"transcription": {"model": realtime.transcription_model}} if transcripts else {}),
            },
            "output": {"format": pcm, "voice": realtime.voice},
        },
        **({"tools": list(tools), "tool_choice": "auto"} if tools else {}),
        **_truncation(realtime),
    }


def _truncation(realtime: Realtime) -> Json:
    """What the server forgets of a long conversation: all of it is paid for again with each answer."""
    if realtime.history_tokens == 0:
        return {}
    limits = {"post_instructions": realtime.history_tokens}
    return {"truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": limits}}


def answers_by_itself(asked: Json, granted: Json | None = None) -> bool:
    """True if the server answers each turn without being asked: as it says itself, else as it was asked to."""
    answers = asked["audio"]["input"]["turn_detection"]["create_response"]
    for key in ("audio", "input", "turn_detection", "create_response"):
        granted = granted.get(key) if isinstance(granted, dict) else None
    return granted if isinstance(granted, bool) else bool(answers)


def silence_ms(asked: Json) -> int:
    """Silence that ends a turn."""
    return int(asked["audio"]["input"]["turn_detection"]["silence_duration_ms"])


def released(settings: Json) -> Json:
    """The same session, in which the server answers each turn."""
    changed = copy.deepcopy(settings)
    changed["audio"]["input"]["turn_detection"]["create_response"] = True
    return changed


def tokens(settings: Json) -> tuple[str, ...]:
    """The secrets of MCP servers that a session tells the server."""
    return tuple(str(tool["authorization"]) for tool in settings.get("tools", ()) if "authorization" in tool)


def repeated(settings: Json) -> Json:
    """The same session to ask for once more: without the voice, which must not be touched after the first sound."""
    changed = copy.deepcopy(settings)
    changed["audio"]["output"].pop("voice", None)
    return changed


@dataclass(frozen=True, slots=True)
class Limits:
    """What the configuration allows."""

    stall_s: float = 12.0
    """Silence of the server while something is due."""
    tool_rounds: int = 8

    @classmethod
    def of(cls, realtime: Realtime) -> Limits:
        """Those of a configuration."""
        return cls(realtime.stall_timeout_s, realtime.max_tool_rounds)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the server made of our session: paths of settings."""

    wrong: tuple[str, ...] = ()
    """A session with these is not used."""
    liberties: tuple[str, ...] = ()


@dataclass(slots=True)
class Agreement:
    """Sessions that were asked for and those that were granted, in order."""

    _asked: deque[Json] = field(default_factory=deque)
    granted: Json | None = None
    """What was asked for and agreed to last."""

    def ask(self, settings: Json) -> None:
        """A `session.update` with this is being sent."""
        self._asked.append(settings)

    def grant(self, session: Json) -> Verdict:
        """The server's `session.updated`."""
        asked = self._asked.popleft() if self._asked else self.granted
        if asked is None:
            return Verdict()
        self.granted = asked
        different = tuple(disagreements(asked, session))
        liberties = tuple(path for path in different if path.startswith(TOLERATED))
        return Verdict(tuple(path for path in different if path not in liberties), liberties)


def disagreements(asked: Json, granted: Json, path: str = "") -> Iterator[str]:
    """Paths (`audio.input.format.rate`) at which the server's session says something else.

    A field that the server does not mention is no disagreement: compatible servers leave much out.
    """
    for key, want in asked.items():
        if key not in granted:
            continue
        have = granted[key]
        if isinstance(want, dict) and isinstance(have, dict):
            yield from disagreements(want, have, f"{path}{key}.")
        elif key == "tools" and isinstance(have, list):
            if [_tool(one) for one in want] != [_tool(one) for one in have]:
                yield f"{path}{key}"
        elif not _same(want, have):
            yield f"{path}{key}"


def _tool(tool: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401 - values of JSON
    """What must not change of a tool: servers add fields, and blot out keys."""
    return (tool.get("type"), tool.get("name"), tool.get("server_label")) if isinstance(tool, dict) else (tool,) * 3


def _same(want: Any, have: Any) -> bool:  # noqa: ANN401 - values of JSON
    if isinstance(want, float) and (number := finite(have)) is not None:
        return abs(want - number) < 1e-6  # servers round
    return bool(want == have)
