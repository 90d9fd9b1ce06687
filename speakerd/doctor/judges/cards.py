"""Which cards there are, and whether their mixers let sound through. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from speakerd.doctor.finding import Figure, Finding, notice, ok, problem
from speakerd.hw.device import MixerControl

CARDS = "cards"
MIXER = "mixer"

LOW_PERCENT = 20


def cards(microphones: Sequence[str], loudspeakers: Sequence[str], shared: bool) -> Finding:
    """Hardware by name; `shared`: other names, such as a sound server's, can be opened all the same."""
    count = len(set(microphones) | set(loudspeakers))
    figures: dict[str, Figure] = {"microphones": len(microphones), "loudspeakers": len(loudspeakers)}
    if microphones and loudspeakers:
        names = f"microphones: {', '.join(microphones)}; loudspeakers: {', '.join(loudspeakers)}"
        return ok(CARDS, f"{count} sound devices; {names}.", **figures)
    if shared:
        return ok(
            CARDS, "The kernel has no sound card for both directions; a sound server stands in for it.", **figures
        )
    missing = "sound card" if not microphones and not loudspeakers else ("loudspeaker" if microphones else "microphone")
    why = "It is not plugged in, or the kernel does not know it."
    remedy = "cat /proc/asound/cards; lsusb; a card on the pins needs its dtoverlay in /boot/firmware/config.txt"
    return problem(CARDS, f"There is no {missing}.", why, remedy, **figures)


def playback(controls: Sequence[MixerControl], main: str, command: str) -> list[Finding]:
    """`main`: the control that the daemon turns, empty if there is none; `command` opens the mixer."""
    control = next((one for one in controls if one.name == main), None)
    if control is None:
        return [ok(MIXER, "The loudspeaker's card has no mixer: speakerd turns the volume itself.")]
    figures = _figures(control)
    why = "What speakerd plays does not come out."
    if control.playback_on is False:
        return [problem(MIXER, f"The loudspeaker is muted (control {main}).", why, f"{command}   (M)", **figures)]
    if control.playback_percent == 0:
        return [
            problem(
                MIXER, f"The loudspeaker's volume is 0 (control {main}).", why, f"{command}   (arrow up)", **figures
            )
        ]
    findings = []
    if control.playback_percent is not None and control.playback_percent < LOW_PERCENT:
        what = f"The loudspeaker is turned down to {control.playback_percent} % (control {main})."
        findings.append(notice(MIXER, what, "It may hardly be heard.", f"{command}   (arrow up)", **figures))
    silent = [
        one.name for one in controls if one.name != main and (one.playback_on is False or one.playback_percent == 0)
    ]
    if silent:
        what = f"Other controls of the loudspeaker's card are silent: {', '.join(silent)}."
        why = "If one of them is on the way, nothing comes out; if you hear speakerd, all is well."
        findings.append(notice(MIXER, what, why, command, **figures))
    volume = "" if control.playback_percent is None else f", volume {control.playback_percent} %"
    return findings or [ok(MIXER, f"The loudspeaker is not muted{volume} (control {main}).", **figures)]


def capture(controls: Sequence[MixerControl], command: str) -> list[Finding]:
    """The microphone's: a switch that is off, or a volume of 0."""
    ways = [one for one in controls if one.capture_percent is not None or one.capture_on is not None]
    if not ways:
        return [ok(MIXER, "The microphone's card has no mixer: its level is fixed.")]
    closed = [one for one in ways if one.capture_on is False or one.capture_percent == 0]
    if not closed:
        levels = ", ".join(f"{one.name} {_level(one)}" for one in ways)
        return [ok(MIXER, f"The microphone is switched on ({levels}).", **_figures(ways[0]))]
    names = ", ".join(f"{one.name} ({'off' if one.capture_on is False else '0 %'})" for one in closed)
    if len(closed) == len(ways):
        why = "Nothing that is said comes in."
        remedy = f"{command}   (F4: capture; space switches on, arrow up)"
        return [problem(MIXER, f"The microphone is switched off: {names}.", why, remedy, **_figures(closed[0]))]
    why = "If one of them is on the way, nothing that is said comes in."
    return [notice(MIXER, f"Some controls of the microphone's card are closed: {names}.", why, f"{command}   (F4)")]


def _level(control: MixerControl) -> str:
    return "on" if control.capture_percent is None else f"{control.capture_percent} %"


def _figures(control: MixerControl) -> dict[str, Figure]:
    return {
        "control": control.name,
        "playback_percent": control.playback_percent,
        "playback_on": control.playback_on,
        "capture_percent": control.capture_percent,
        "capture_on": control.capture_on,
    }
