"""The session that we ask for, and whether the server agreed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from speakerd.config.model import Realtime
from speakerd.pcm import WIRE_RATE_HZ
from speakerd.realtime.messages import Json


def session_settings(realtime: Realtime, *, transcripts: bool = False) -> Json:
    """The `session` of `session.update`.

    `interrupt_response` is false because only this side knows what the loudspeaker plays: it
    decides about interruptions, cancels and truncates by itself (two deciders fight).
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
                    "create_response": True,
                    "interrupt_response": False,
                },
                **({"transcription": {"model": realtime.transcription_model}} if transcripts else {}),
            },
            "output": {"format": pcm, "voice": realtime.voice},
        },
    }


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
        elif not _same(want, have):
            yield f"{path}{key}"


def _same(want: Any, have: Any) -> bool:  # noqa: ANN401 - values of JSON
    if isinstance(want, float) and isinstance(have, int | float):
        return abs(want - have) < 1e-6  # servers round
    return bool(want == have)
