"""Sockets that systemd opened for us (`sd_listen_fds`)."""

from __future__ import annotations

import socket

from systemd.daemon import is_socket, listen_fds


def inherited_sockets() -> list[socket.socket]:
    """Listening stream sockets that were handed to this process; none outside a socket-activated unit.

    For once: the environment that tells of them is cleared, so that children do not take them for theirs.
    """
    return [socket.socket(fileno=number) for number in listen_fds(True) if is_socket(number, type=socket.SOCK_STREAM)]
