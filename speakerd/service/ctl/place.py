"""Where the control socket is. Whoever may connect is decided by its folder, its group and its mode (docs/adr/0009)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SERVICE = Path("/run/speakerd/ctl")
"""Of the service, as its unit says: `RuntimeDirectory=speakerd`."""


def own_socket(environ: Mapping[str, str]) -> Path | None:
    """The socket of a daemon with this environment; None if there is no folder for one.

    That is the unit's runtime directory or, on a terminal, the user's own.
    """
    if runtime := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(runtime) / "ctl"
    if user := environ.get("XDG_RUNTIME_DIR", ""):
        return Path(user) / "speakerd" / "ctl"
    return None


def sockets_to_try(environ: Mapping[str, str]) -> list[Path]:
    """Where a caller looks for a daemon, in this order: one's own, then the service."""
    own = own_socket(environ)
    return [path for path in (own, SERVICE) if path is not None]
