"""Where the API key lies for the service: encrypted by systemd, or where that cannot be, readable by root alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from speakerd.config.credentials import CREDENTIAL
from speakerd.installation.programs import Done, run

DROP_IN = """\
# Written by `speakerd setup`: the key lies encrypted.
[Service]
LoadCredentialEncrypted={name}:{path}
"""


@dataclass(frozen=True, slots=True)
class Keystore:
    """Its places, below `root`, which is / save in tests."""

    root: Path = Path("/")
    run: Callable[..., Done] = run

    @property
    def encrypted(self) -> Path:
        """The key, as systemd-creds wrote it."""
        return self.root / "etc/credstore.encrypted" / CREDENTIAL

    @property
    def plain(self) -> Path:
        """The key as it is. The unit looks here when there is no drop-in."""
        return self.root / "etc/credstore" / CREDENTIAL

    @property
    def drop_in(self) -> Path:
        """Tells the unit that the key is encrypted."""
        return self.root / "etc/systemd/system/speakerd.service.d/key.conf"

    @property
    def has_key(self) -> bool:
        """The service will find one."""
        return self.encrypted.exists() if self.drop_in.exists() else self.plain.exists()

    def store(self, key: str) -> str:
        """Store `key` in place of an older one; what is to be said about how. Raises OSError.

        It never stands in an argument, where other users would see it, and is never printed.
        """
        self._folder(self.encrypted.parent, 0o700)
        told = self.run("systemd-creds", "encrypt", f"--name={CREDENTIAL}", "-", str(self.encrypted), text=key)
        if told.ok:
            self.encrypted.chmod(0o600)
            self._folder(self.drop_in.parent, 0o755)
            self.drop_in.write_text(DROP_IN.format(name=CREDENTIAL, path=self.encrypted))
            return f"The key is stored encrypted, in {self.encrypted}.{self._leftover()}"
        self.encrypted.unlink(missing_ok=True)
        self.drop_in.unlink(missing_ok=True)
        self._folder(self.plain.parent, 0o700)
        descriptor = os.open(self.plain, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w") as file:  # noqa: PTH123 - a descriptor, not a path
            os.fchmod(descriptor, 0o600)
            file.write(key + "\n")
        why = (told.told.strip().splitlines() or ["no reason given"])[-1]
        return f"The key is stored UNENCRYPTED, readable by root alone, in {self.plain}: {why}"

    def _leftover(self) -> str:
        if not self.plain.exists():
            return ""
        return f" An older one still lies unencrypted in {self.plain}: remove it, unless the relay needs it."

    @staticmethod
    def _folder(path: Path, mode: int) -> None:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
