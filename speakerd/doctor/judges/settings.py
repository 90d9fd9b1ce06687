"""What the configuration and the key say. Pure."""

from __future__ import annotations

import re

from speakerd.doctor.finding import Finding, notice, ok, problem

CONFIGURATION = "configuration"
KEY = "key"

_SENTENCE = re.compile(r'"[^"]* [^"]*"')
"""What the user wrote in words, such as instructions; single words help to find the mistake."""
_NUMBERED = re.compile(r"(?:plug)?hw:\d")


def mistakes(lines: list[str]) -> list[Finding]:
    """Each mistake, as `speakerd check` words it."""
    why = "speakerd does not start with it (exit status 78). What follows was examined with the defaults."
    remedy = "speakerd check --config FILE, then mend the line"
    return [problem(CONFIGURATION, _SENTENCE.sub('"…"', line), why, remedy) for line in lines]


def wrong(message: str) -> Finding:
    """Something that the configuration names cannot be used."""
    return problem(
        CONFIGURATION, message, "speakerd does not start with it (exit status 78).", "speakerd check --config FILE"
    )


def usable(name: str, devices: dict[str, str]) -> list[Finding]:
    """`name` of the file, or `defaults`; `devices` by their keys."""
    numbered = {key: device for key, device in devices.items() if _NUMBERED.match(device)}
    return [
        ok(CONFIGURATION, f"{name}: no mistakes."),
        *(
            notice(
                CONFIGURATION,
                f"{key} names a card by its number ({device}).",
                "Numbers change with what is plugged in.",
                "sudo speakerd devices   (shows a name that stays)",
            )
            for key, device in numbered.items()
        ),
    ]


def key(source: str, *, needed: bool, sent: bool, may_be_hidden: bool) -> Finding:
    """`source`: where it was found, empty if nowhere. `may_be_hidden`: stored where this user may not look."""
    if source and not sent and needed:
        why = "ws:// to another machine can be read along, so the key is kept back."
        return problem(
            KEY, f"A key was found ({source}), but is not sent.", why, "set realtime.url to wss://…", found=True
        )
    if source:
        return ok(KEY, f"A key was found ({source}).", found=True)
    if not needed:
        return ok(KEY, "There is no key, and the server that is configured may not need one.", found=False)
    if may_be_hidden:
        why = "Without it the service cannot be tried from here; speakerd itself gets it from systemd."
        what = "The key, if there is one, is stored where only root can read it."
        return notice(KEY, what, why, "sudo speakerd doctor", found=None)
    why = "The service answers nobody without one."
    return problem(KEY, "There is no API key.", why, "sudo speakerd setup", found=False)


def token(name: str, label: str) -> Finding:
    """The credential of an MCP server is not there."""
    why = f"The functions of {label} are left out."
    remedy = (
        f"store it as the systemd credential {name}, or in the environment variable {name.upper().replace('-', '_')}"
    )
    return notice(KEY, f"The credential {name} was not found.", why, remedy, found=False)
