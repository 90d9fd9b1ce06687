"""What three seconds of microphone say about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speakerd.doctor.finding import Finding, notice, ok, problem
from speakerd.pcm import NEAR_PERIOD_FRAMES, Samples, level_dbfs

SUBJECT = "microphone"

CLIPPED = 32_700
LOUD_FLOOR_DBFS = -40.0
"""A floor above this leaves too little between a voice across the room, some −35 dBFS, and the noise."""
FAINT_FLOOR_DBFS = -85.0
"""Under this even a voice is faint: the gain is at its lowest end."""
OFFSET_DBFS = -30.0
"""A constant voltage above this comes from a faulty or wrongly wired input."""

_FLOOR_QUANTILE = 0.1


@dataclass(frozen=True, slots=True)
class Heard:
    """Figures of a stretch of sound. None of it can be turned back into sound."""

    seconds: float
    level_dbfs: float
    floor_dbfs: float
    """The quiet tenth of its 20 ms blocks."""
    peak_dbfs: float
    clipped_frames: int
    offset_dbfs: float
    """Of the mean."""
    dead: bool
    """Every sample the same."""
    xruns: int


def measure(samples: Samples, seconds: float, xruns: int) -> Heard:
    """Figures of `samples`, int16 mono 16 kHz, that took so long to come."""
    blocks = [samples[at : at + NEAR_PERIOD_FRAMES] for at in range(0, samples.size, NEAR_PERIOD_FRAMES)]
    offset = round(float(samples.mean())) if samples.size else 0
    levels = [level_dbfs((block.astype(np.int32) - offset).clip(-32768, 32767).astype(np.int16)) for block in blocks]
    loudest = np.abs(samples.astype(np.int32)).max(initial=0)
    return Heard(
        seconds=seconds,
        level_dbfs=level_dbfs(samples),
        floor_dbfs=float(np.quantile(levels, _FLOOR_QUANTILE)) if levels else -120.0,
        peak_dbfs=level_dbfs(np.array([min(loudest, 32767)], np.int16)),
        clipped_frames=int(np.count_nonzero(np.abs(samples.astype(np.int32)) >= CLIPPED)),
        offset_dbfs=level_dbfs(np.array([offset], np.int16)),
        dead=not samples.size or bool((samples == samples[0]).all()),
        xruns=xruns,
    )


def judge(heard: Heard, mixer: str) -> list[Finding]:
    """`mixer` is the command that opens the mixer of its card."""
    if heard.dead:
        return [judge_dead(heard, mixer, hears_echo=False)]
    findings = [*_clipping(heard, mixer), *_floor(heard, mixer), *_offset(heard), *_gaps(heard)]
    return findings or [
        ok(
            SUBJECT,
            f"It hears: noise floor {heard.floor_dbfs:.0f} dBFS, loudest {heard.peak_dbfs:.0f} dBFS, nothing clipped.",
            **_figures(heard),
        )
    ]


def judge_dead(heard: Heard, mixer: str, *, hears_echo: bool, living_channels: Sequence[int] = ()) -> Finding:
    """It gave no sound in silence; `hears_echo`: but it hears the loudspeaker; `living_channels`: others that do."""
    if hears_echo:
        what = "The microphone gives pure silence while nothing sounds, though it hears the loudspeaker."
        why = "A noise gate in it cuts off what is quiet: a voice from across the room may be, too."
        return notice(SUBJECT, what, why, f"{mixer}   (switch off noise suppression, if it has one)", **_figures(heard))
    what = "The microphone gives no sound at all, not even noise."
    if living_channels:
        numbers = " or ".join(map(str, living_channels))
        why = f"It is on another channel of this card: there is sound on channel {numbers}."
        remedy = f"set audio.capture_channel: {living_channels[0]}"
        return problem(SUBJECT, what, why, remedy, **_figures(heard))
    why = "Every working converter has some noise: this one is muted, its path is dead, or audio.capture_channel names"
    why += " a channel with nothing on it."
    remedy = f"{mixer}   (F4: capture; space switches it on), the switch on the microphone itself, its cable"
    return problem(SUBJECT, what, why, remedy, **_figures(heard))


def _clipping(heard: Heard, mixer: str) -> list[Finding]:
    if not heard.clipped_frames:
        return []
    return [
        notice(
            SUBJECT,
            f"The microphone is overdriven: {heard.clipped_frames} samples at full scale in {heard.seconds:.0f} s.",
            "Clipped speech is hard to understand, and an echo that is clipped cannot be cancelled.",
            f"{mixer}   (F4: capture; turn it down, and any boost off)",
            **_figures(heard),
        )
    ]


def _floor(heard: Heard, mixer: str) -> list[Finding]:
    if heard.floor_dbfs > LOUD_FLOOR_DBFS:
        what = f"The room, or the microphone, is loud: noise floor {heard.floor_dbfs:.0f} dBFS."
        why = "A wake word said across the room is hardly louder than that."
        remedy = f"repeat it in a quiet room; if it stays: {mixer}   (F4: capture; turn it down), or another microphone"
    elif heard.floor_dbfs < FAINT_FLOOR_DBFS:
        what = f"The microphone is very faint: noise floor {heard.floor_dbfs:.0f} dBFS."
        why = "Its gain may be at the lowest end; then a voice is too faint for the wake word."
        remedy = f"{mixer}   (F4: capture; turn it up to 70 or 80)"
    else:
        return []
    return [notice(SUBJECT, what, why, remedy, **_figures(heard))]


def _offset(heard: Heard) -> list[Finding]:
    if heard.offset_dbfs < OFFSET_DBFS:
        return []
    return [
        notice(
            SUBJECT,
            f"The microphone's sound is shifted: a constant {heard.offset_dbfs:.0f} dBFS lies under it.",
            "That comes from a faulty or wrongly wired input, and eats room for loud sounds.",
            "try another microphone or channel (audio.capture_channel)",
            **_figures(heard),
        )
    ]


def _gaps(heard: Heard) -> list[Finding]:
    if not heard.xruns:
        return []
    return [
        notice(
            SUBJECT,
            f"Sound was lost {heard.xruns} times in {heard.seconds:.0f} s: the card overran.",
            "Each gap may swallow a wake word, and upsets the echo canceller.",
            "see what keeps the processor busy: top; for a card on USB also its cable, hub and power supply",
            **_figures(heard),
        )
    ]


def _figures(heard: Heard) -> dict[str, float | int | bool]:
    return {
        "seconds": round(heard.seconds, 2),
        "level_dbfs": round(heard.level_dbfs, 1),
        "floor_dbfs": round(heard.floor_dbfs, 1),
        "peak_dbfs": round(heard.peak_dbfs, 1),
        "clipped_frames": heard.clipped_frames,
        "offset_dbfs": round(heard.offset_dbfs, 1),
        "xruns": heard.xruns,
    }
