"""Do the wake models load, and is this machine fast enough for them? Pure."""

from __future__ import annotations

from dataclasses import dataclass

from speakerd.doctor.finding import Figure, Finding, notice, ok, problem

SUBJECT = "models"

MOST_SHARE = 0.5
"""Of a processor, for the models and the canceller together; more leaves nothing for peaks."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was measured."""

    words: tuple[str, ...]
    load_s: float
    wake_share: float
    """Processor time per time of sound, for the wake words in a room with sound."""
    speaking_share: float
    """The same while the assistant speaks: with canceller and detector."""


def judge(pace: Pace) -> Finding:
    """One finding."""
    figures: dict[str, Figure] = {
        "load_s": round(pace.load_s, 2),
        "wake_share": round(pace.wake_share, 3),
        "speaking_share": round(pace.speaking_share, 3),
    }
    what = f"{' and '.join(pace.words)} loaded in {pace.load_s:.1f} s; {pace.wake_share:.0%} of a processor to listen,"
    what += f" {pace.speaking_share:.0%} while the assistant speaks."
    why = "Sound that is not worked off in time is lost, and wake words with it."
    if max(pace.wake_share, pace.speaking_share) > 1.0:
        remedy = "fewer entries in wake.words, a faster machine; see also what keeps it busy: top"
        return problem(SUBJECT, f"The machine is too slow: {what}", why, remedy, **figures)
    if max(pace.wake_share, pace.speaking_share) > MOST_SHARE:
        return notice(
            SUBJECT, f"The machine is nearly too slow: {what}", why, "top; fewer entries in wake.words", **figures
        )
    return ok(SUBJECT, what, **figures)


def unusable(message: str, hint: str) -> Finding:
    """They do not load."""
    return problem(SUBJECT, message, "Without a wake word nothing begins.", hint or "sudo script/install")
