"""Every error that we raise on purpose, and the exit statuses.

    SpeakerdError
    ├── ConfigError       the human must act (exit 78)
    └── DeviceError       a sound card is missing or refuses
        ├── DeviceBusyError       another program holds it
        ├── DeviceHungError       it gives or takes nothing any more
        └── DeadMicrophoneError   it gives nothing but one number

Blame is in the type. What ends a session is no exception but the event SessionEnded.
Anything else that is raised is a bug and ends the process with a traceback.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h; `RestartPreventExitStatus=78` in the unit keeps systemd from retrying."""


class SpeakerdError(Exception):
    """Base of our errors. `hint` tells the human what to do next, in one sentence."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} ({self.hint})" if self.hint else message


class ConfigError(SpeakerdError):
    """The configuration cannot be used. The message may hold several lines, one per mistake."""


class DeviceError(SpeakerdError):
    """A sound device cannot be opened, or stopped working."""

    def __init__(self, device: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{device}: {message}", hint=hint)
        self.device = device


class DeviceBusyError(DeviceError):
    """Another program holds the device; the message tells which, where that can be told."""


class DeviceHungError(DeviceError):
    """The device gives or takes no sound any more, and reports no error."""


class DeadMicrophoneError(DeviceError):
    """The microphone gives nothing but one number: it is muted, or the way from it is dead."""
