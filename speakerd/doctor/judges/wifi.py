"""Does the Wi-Fi sleep? Pure."""

from __future__ import annotations

from dataclasses import dataclass

from speakerd.doctor.finding import Figure, Finding, notice, ok

SUBJECT = "wifi"

FAINT_DBM = -75.0


@dataclass(frozen=True, slots=True)
class Radio:
    """One interface. Its network's name is nobody's business and never asked for."""

    interface: str
    carries: bool
    """The way to the internet leads over it."""
    power_save: bool | None
    """None: cannot be told."""
    signal_dbm: float | None


def judge(radios: list[Radio]) -> list[Finding]:
    """One finding for each, or that there is none in use."""
    if not radios:
        return [ok(SUBJECT, "No Wi-Fi is in use: the network is on a wire, or there is none.")]
    return [finding for radio in radios for finding in _judge(radio)]


def _judge(radio: Radio) -> list[Finding]:
    name = radio.interface
    figures: dict[str, Figure] = {
        "interface": name,
        "carries": radio.carries,
        "power_save": radio.power_save,
        "signal_dbm": radio.signal_dbm,
    }
    findings = []
    if radio.power_save is None:
        why = "A Wi-Fi that sleeps delays every answer by up to a second."
        remedy = f"sudo apt-get install iw; iw dev {name} get power_save"
        findings.append(notice(SUBJECT, f"Whether {name} saves power cannot be told.", why, remedy, **figures))
    elif radio.power_save:
        why = "It sleeps between packets: answers come late, and connections break off."
        remedy = (
            f"sudo iw dev {name} set power_save off   (until the next start; for good: sudo nmcli connection modify"
            " NAME 802-11-wireless.powersave 2, with NAME from `nmcli connection`)"
        )
        findings.append(notice(SUBJECT, f"{name} saves power.", why, remedy, **figures))
    if radio.signal_dbm is not None and radio.signal_dbm < FAINT_DBM:
        why = "Packets are lost and sent again: answers stutter."
        findings.append(
            notice(
                SUBJECT,
                f"{name} is faint: {radio.signal_dbm:.0f} dBm.",
                why,
                "move it nearer, or lay a wire",
                **figures,
            )
        )
    return findings or [ok(SUBJECT, f"{name} does not sleep{_signal(radio)}.", **figures)]


def _signal(radio: Radio) -> str:
    return "" if radio.signal_dbm is None else f", signal {radio.signal_dbm:.0f} dBm"
