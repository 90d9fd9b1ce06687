"""What is told of an address that a server cannot listen on."""

from __future__ import annotations

import errno
import os

from speakerd.errors import SpeakerdError

_HINTS = {
    errno.EADDRINUSE: "another program listens there, perhaps an earlier one: end it, or choose another {port}",
    errno.EADDRNOTAVAIL: "this machine has no such address; `ip address` tells those that it has",
    errno.EACCES: "ports below 1024 are for root; choose another {port}",
}


def cannot_listen(host: str, port: int, error: OSError, port_option: str) -> SpeakerdError:
    """`error` as a sentence; `port_option`: how the user names the port."""
    number = error.errno or 0
    reason = os.strerror(number) if number > 0 else error.strerror or str(error)
    return SpeakerdError(
        f"cannot listen on {host}:{port}: {reason}", hint=_HINTS.get(number, "").format(port=port_option)
    )
