"""Which settings a running daemon takes over when its configuration is read anew: the one table of them. Pure.

Each key stands with the parts that are fitted anew for it, or under RESTART. A section's name stands for all of its
keys. `tests/config/test_live.py` holds the table complete, `tests/test_refit.py` that each change takes effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from speakerd.config.model import Config, Section

M = TypeVar("M", bound=Section)


class Part(StrEnum):
    """What is fitted anew, between two conversations."""

    EARS = "ears"
    """Wake models, echo canceller, detector of interruptions: made anew."""
    LOUDSPEAKER = "loudspeaker"
    """Earcons, duck, room for replies."""
    VOLUME = "volume"
    """Of the daemon's samples."""
    HERALD = "herald"
    """Notices."""
    RULES = "rules"
    """What the conversation's machine obeys."""
    GATE = "gate"
    """How much sound is held, and the silence that ends a turn."""
    SERVICE = "service"
    """How the next session is asked for, and what it is asked to be."""
    SKILLS = "skills"
    """All skills, of plug-ins too: loaded anew."""
    PURSE = "purse"
    """Prices, limits, and whose bill it is."""
    SCRIBE = "scribe"
    """What is written down."""
    JOURNAL = "journal"
    """Which entries are written."""


LIVE: Mapping[str, tuple[Part, ...]] = {
    "audio.volume_percent": (Part.VOLUME,),
    "audio.echo_cancellation": (Part.EARS,),
    "wake.words": (Part.EARS, Part.SERVICE, Part.PURSE),
    "wake.personas": (Part.SERVICE, Part.PURSE),
    "realtime.model": (Part.SERVICE, Part.PURSE),
    "realtime.voice": (Part.SERVICE,),
    "realtime.instructions": (Part.SERVICE,),
    "realtime.transcription_model": (Part.SERVICE, Part.PURSE),
    "realtime.noise_reduction": (Part.SERVICE,),
    "realtime.turn_detection.threshold": (Part.SERVICE,),
    "realtime.turn_detection.prefix_padding_ms": (Part.SERVICE,),
    "realtime.turn_detection.silence_duration_ms": (Part.SERVICE, Part.GATE),
    "realtime.auth": (Part.SERVICE,),
    "realtime.headers": (Part.SERVICE,),
    "realtime.keep_warm": (Part.SERVICE,),
    "realtime.connect_timeout_s": (Part.SERVICE, Part.RULES, Part.GATE),
    "realtime.ping_interval_s": (Part.SERVICE,),
    "realtime.ping_timeout_s": (Part.SERVICE,),
    "realtime.network_timeout_s": (Part.SERVICE,),
    "realtime.stall_timeout_s": (Part.SERVICE,),
    "realtime.max_tool_rounds": (Part.SERVICE,),
    "realtime.history_tokens": (Part.SERVICE,),
    "conversation.barge_in": (Part.EARS, Part.RULES),
    "conversation.barge_in_detector": (Part.EARS,),
    "conversation.duck_db": (Part.LOUDSPEAKER,),
    "conversation.max_reply_s": (Part.RULES, Part.LOUDSPEAKER),
    "conversation": (Part.RULES,),
    "sounds.notices": (Part.HERALD,),
    "sounds.language": (Part.HERALD,),
    "sounds.notice_pause_s": (Part.HERALD,),
    "sounds": (Part.LOUDSPEAKER,),
    "skills": (Part.SKILLS, Part.SERVICE, Part.RULES),
    "purse": (Part.PURSE,),
    "transcripts": (Part.SCRIBE, Part.SERVICE),
    "log": (Part.JOURNAL,),
}
"""A key's own line goes before its section's."""

RESTART = ("audio", "realtime.url", "realtime.fallback", "server")
"""What is opened or started once: the sound cards, the embedded server, and who answers."""

ELSEWHERE = ("relay",)
"""What this daemon does not use: it belongs to `speakerd relay`."""


def changed_keys(old: Config, new: Config) -> list[str]:
    """The keys, dotted, whose values differ; a list of entries is one key."""
    return list(_changed(old, new, ""))


def parts_of(keys: Iterable[str]) -> frozenset[Part]:
    """What is to be fitted anew for these keys."""
    return frozenset(part for key in keys for part in (_line_of(key) or ()))


def takes_restart(key: str) -> bool:
    """Whether a running daemon cannot take the key over."""
    return _line_of(key) is None and not _below(key, ELSEWHERE)


def merged(running: Config, wanted: Config) -> Config:
    """`wanted`, with the values of `running` where only a restart could change them."""
    kept = [key for key in changed_keys(running, wanted) if takes_restart(key)]
    result = wanted
    for key in kept:
        result = _put(result, running, key.split("."))
    return result


def _line_of(key: str) -> tuple[Part, ...] | None:
    if key in LIVE:
        return LIVE[key]
    if _below(key, RESTART):
        return None
    return LIVE.get(key.rpartition(".")[0])


def _below(key: str, names: Iterable[str]) -> bool:
    return any(f"{key}.".startswith(f"{name}.") for name in names)


def _changed(old: Section, new: Section, prefix: str) -> Iterable[str]:
    for name in type(new).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(after, Section):
            yield from _changed(before, after, f"{prefix}{name}.")
        elif before != after:
            yield f"{prefix}{name}"


def _put(section: M, source: Section, path: list[str]) -> M:
    """`section` with the value at `path` taken from `source`."""
    name, *rest = path
    value = getattr(source, name)
    if rest:
        value = _put(getattr(section, name), value, rest)
    return section.model_copy(update={name: value})
