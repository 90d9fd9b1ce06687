"""The API key, and tokens of MCP servers: from a systemd credential or the environment, never from YAML, never printed.

Reads a file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from speakerd.config.mistakes import printable
from speakerd.errors import ConfigError

CREDENTIAL = "openai-api-key"
"""Name of the systemd credential."""
VARIABLE = "OPENAI_API_KEY"

MAX_CHARACTERS = 4096

_HINT = "store the key again, as one line without anything around it"


class ApiKey:
    """A key that does not show itself in logs, tracebacks or `repr`; `reveal` is for the one who sends it."""

    __slots__ = ("_key", "source")

    def __init__(self, key: str, source: str) -> None:
        """`source` tells the human where the key came from."""
        self._key = key
        self.source = source

    def reveal(self) -> str:
        """The key itself, visible ASCII."""
        return self._key

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not to be stored")


def api_key(environ: Mapping[str, str] = os.environ) -> ApiKey | None:
    """The key from `$CREDENTIALS_DIRECTORY/openai-api-key`, else from OPENAI_API_KEY; None if neither holds one.

    Raises ConfigError, which names the source and never the value, for a key that cannot be one.
    """
    return _first(CREDENTIAL, VARIABLE, environ)


def token(name: str, environ: Mapping[str, str] = os.environ) -> ApiKey | None:
    """The secret called `name`, such as `home-assistant-token`: a credential, else the variable HOME_ASSISTANT_TOKEN.

    None if neither holds one. Raises ConfigError as `api_key` does.
    """
    return _first(name, name.upper().replace("-", "_"), environ)


def _first(name: str, variable: str, environ: Mapping[str, str]) -> ApiKey | None:
    for text, source in (_credential(name, environ), (environ.get(variable, ""), f"environment: {variable}")):
        key = text.strip()
        if key:
            _require_plain(key, source)
            return ApiKey(key, source)
    return None


def _credential(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Text of the credential, empty if there is none, and its source."""
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        return "", ""
    path = Path(folder) / name
    source = printable(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError(f"{source}: found no regular file, expected the API key", hint=_HINT)
        with path.open("rb") as file:
            return file.read(MAX_CHARACTERS + 1).decode("utf-8", "replace"), source
    except FileNotFoundError:
        return "", source
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ConfigError(f"{source}: cannot be read: {reason}") from None


def _require_plain(key: str, source: str) -> None:
    if len(key) > MAX_CHARACTERS:
        raise ConfigError(f"{source}: the API key is too long to be one", hint=_HINT)
    if key[0] in "\"'`<" or not all("!" <= character <= "~" for character in key):
        wrong = "a quote, a space, a line break or a character that no key has"
        raise ConfigError(f"{source}: found {wrong}, expected an API key", hint=_HINT)
