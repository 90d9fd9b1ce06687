"""What the way from the loudspeaker to the microphone says: does it sound, and may speech interrupt? Pure."""

from __future__ import annotations

import math

from speakerd.config.model import BargeIn, Config
from speakerd.doctor.chirp import Echo, Reach
from speakerd.doctor.finding import Figure, Finding, notice, ok, problem
from speakerd.doctor.rehearsal import Rehearsal
from speakerd.mic.echometer import ABOVE_ROOM_DB, LEAST_ERLE_DB

LOUDSPEAKER = "loudspeaker"
BARGE_IN = "barge-in"

LEAST_EXPLAINED_DB = 6.0
"""Echo of which a linear canceller takes less is distorted, or comes with gaps."""

LATE_MS = 250.0
"""From here on the canceller may lose the echo, and every answer feels late."""


def judge(reach: Reach, rehearsal: Rehearsal | None, config: Config, mixer: str) -> list[Finding]:
    """`mixer` is the command that opens the mixer of the loudspeaker's card."""
    findings = _xruns(reach)
    if reach.echo is None:
        return [*findings, _unheard(reach, mixer)]
    verdict = _barge_in(rehearsal, config)
    if findings and verdict.figures.get("mode") == "half" and config.audio.echo_cancellation:
        verdict = _spoilt(verdict)
    return [*findings, *_path(reach.echo, reach, mixer), verdict]


def _unheard(reach: Reach, mixer: str) -> Finding:
    return problem(
        LOUDSPEAKER,
        "The microphone hears nothing of the loudspeaker.",
        "If you did not hear the rising tones either, the loudspeaker is silent: muted, turned down, or another card"
        " than the one that was named. If you did, the microphone is deaf, or far away (with headphones that is fine).",
        f"{mixer}   (M switches a channel on; turn it up), and `speakerd devices` for the names of the cards",
        room_dbfs=round(reach.room_dbfs, 1),
    )


def _path(echo: Echo, reach: Reach, mixer: str) -> list[Finding]:
    figures = _figures(echo, reach)
    findings = []
    if echo.clipped_frames:
        findings.append(
            notice(
                LOUDSPEAKER,
                f"The loudspeaker overdrives the microphone: {echo.clipped_frames} samples at full scale.",
                "An echo that is clipped cannot be cancelled, so the assistant cannot be interrupted by speech.",
                f"{mixer}   (turn the loudspeaker down, or with F4 the microphone), or move them apart",
                **figures,
            )
        )
    if echo.out_of_step:
        findings.append(
            notice(
                LOUDSPEAKER,
                f"The microphone hears the loudspeaker ({echo.level_dbfs:.0f} dBFS), but when could not be measured.",
                "Sound was lost or held up meanwhile, on a busy machine or by a sound server.",
                "speakerd doctor   (again; see what keeps the processor busy: top)",
                **figures,
            )
        )
    elif echo.delay_ms > LATE_MS:
        findings.append(
            notice(
                LOUDSPEAKER,
                f"The loudspeaker is late: what it plays is heard after {echo.delay_ms:.0f} ms.",
                "Every answer comes later by that, and an interruption is noticed later.",
                "prefer a loudspeaker on a wire to one on Bluetooth or the network",
                **figures,
            )
        )
    return findings or [
        ok(
            LOUDSPEAKER,
            f"The microphone hears it after {echo.delay_ms:.0f} ms, {echo.loss_db:.0f} dB quieter than played"
            f" ({echo.level_dbfs:.0f} dBFS).",
            **figures,
        )
    ]


def _barge_in(rehearsal: Rehearsal | None, config: Config) -> Finding:
    wanted = config.conversation.barge_in
    if wanted is not BargeIn.SPEECH:
        how = "nothing" if wanted is BargeIn.OFF else "the wake word alone"
        return ok(BARGE_IN, f"As configured (conversation.barge_in), {how} interrupts the assistant.", mode=str(wanted))
    if rehearsal is None:
        return notice(
            BARGE_IN,
            "Whether speech can interrupt was not measured.",
            "The echo has to be cancelled for that.",
            "speakerd doctor",
        )
    figures: dict[str, Figure] = {
        "erle_db": None if rehearsal.erle_db is None else round(rehearsal.erle_db, 1),
        "explained_db": None if rehearsal.explained_db is None else round(rehearsal.explained_db, 1),
        "unexplained_db": round(rehearsal.unexplained_db, 1),
        "false_interruptions": rehearsal.interruptions,
    }
    if not config.audio.echo_cancellation:
        return _half("echo cancellation is switched off", "audio.echo_cancellation: true", figures)
    if rehearsal.erle_db is not None and rehearsal.erle_db < LEAST_ERLE_DB:
        left = f"only {rehearsal.erle_db:.0f} dB of the echo can be cancelled, {LEAST_ERLE_DB:.0f} are needed"
        return _half(left, _QUIETER, figures)
    explained_db = math.inf if rehearsal.explained_db is None else rehearsal.explained_db
    if explained_db < LEAST_EXPLAINED_DB and rehearsal.unexplained_db > ABOVE_ROOM_DB:
        return _half("the microphone hears much of it changed: distorted, or with gaps", _CLEANER, figures)
    if rehearsal.interruptions:
        return _half(f"it took its own sound for a voice {rehearsal.interruptions} times", _QUIETER, figures)
    much = (
        f"{rehearsal.erle_db:.0f} dB of the echo are cancelled" if rehearsal.erle_db is not None else "it is so faint"
    )
    return ok(BARGE_IN, f"Full duplex: speech can interrupt the assistant; {much}.", mode="full", **figures)


_CLEANER = (
    "turn the loudspeaker down until it sounds clean; switch off automatic gain and noise suppression of the microphone"
    " (alsamixer), and effects of the loudspeaker"
)
_QUIETER = (
    "turn the loudspeaker down, move the microphone away from it; or keep it so: conversation.barge_in: wake_word"
)


def _spoilt(verdict: Finding) -> Finding:
    """A measurement in which sound was lost proves nothing."""
    what = "Whether speech can interrupt could not be measured: sound was lost meanwhile."
    figures = {**verdict.figures, "mode": None}
    return notice(BARGE_IN, what, "Gaps look like an echo that nobody can cancel.", "speakerd doctor", **figures)


def _half(why: str, remedy: str, figures: dict[str, Figure]) -> Finding:
    return notice(
        BARGE_IN,
        f"Half duplex: only the wake word interrupts the assistant, because {why}.",
        "What is left of the loudspeaker's sound would be taken for a voice.",
        remedy,
        mode="half",
        **figures,
    )


def _xruns(reach: Reach) -> list[Finding]:
    count = reach.capture_xruns + reach.playback_xruns
    if not count:
        return []
    return [
        notice(
            LOUDSPEAKER,
            f"The cards lost sound {count} times while one played and the other listened.",
            "The reply stutters, and the echo canceller has to learn anew each time.",
            "see what keeps the processor busy: top; raise audio.playback_buffer_ms to 160",
            capture_xruns=reach.capture_xruns,
            playback_xruns=reach.playback_xruns,
        )
    ]


def _figures(echo: Echo, reach: Reach) -> dict[str, Figure]:
    return {
        "delay_ms": round(echo.delay_ms, 1),
        "echo_dbfs": round(echo.level_dbfs, 1),
        "loss_db": round(echo.loss_db, 1),
        "room_dbfs": round(reach.room_dbfs, 1),
        "sweeps": f"{echo.sweeps}/{echo.of_sweeps}",
        "clipped_frames": echo.clipped_frames,
    }
