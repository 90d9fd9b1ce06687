"""The key, from all places where it is kept: what the service would get, and what root may see of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from speakerd.config.credentials import CREDENTIAL, VARIABLE, ApiKey, api_key
from speakerd.doctor.probes.command import ask

_PLAIN = "etc/credstore"
_ENCRYPTED = "etc/credstore.encrypted"


def find_key(environ: Mapping[str, str], root: Path = Path("/")) -> tuple[ApiKey | None, bool]:
    """The key as the daemon finds it, else as systemd would hand it over; True if it is hidden from this user.

    Raises ConfigError for one that cannot be a key.
    """
    if (key := api_key(environ)) is not None:
        return key, False
    for folder, read in ((root / _ENCRYPTED, _decrypted), (root / _PLAIN, _plain)):
        hidden = _is_hidden(folder)
        if hidden or (folder / CREDENTIAL).exists():
            key = None if hidden else read(folder)
            if key is not None:
                return key, False
            return None, True
    return None, False


def _is_hidden(folder: Path) -> bool:
    """Its folder is there, and may not be looked into."""
    return folder.is_dir() and not os.access(folder, os.X_OK)


def _plain(folder: Path) -> ApiKey | None:
    return api_key({"CREDENTIALS_DIRECTORY": str(folder)}) if os.access(folder / CREDENTIAL, os.R_OK) else None


def _decrypted(folder: Path) -> ApiKey | None:
    answer = ask(["systemd-creds", "decrypt", f"--name={CREDENTIAL}", str(folder / CREDENTIAL), "-"])
    if answer is None or answer.status != 0:
        return None
    key = api_key({VARIABLE: answer.text})
    return ApiKey(key.reveal(), f"{folder / CREDENTIAL}, encrypted") if key is not None else None
