"""Asks the daemon: one request, one answer, over its control socket. Blocks; for the command line."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from speakerd.errors import SpeakerdError
from speakerd.service.ctl.words import Reply, Request, UnclearError, reply_of

TIME_S = 30.0
"""Longest wait for an answer: more than the daemon takes for anything."""
MAX_REPLY_BYTES = 256 * 1024


class UnreachableError(SpeakerdError):
    """No daemon answers."""


class ForbiddenError(SpeakerdError):
    """There is a socket, and this user may not use it."""


def ask(request: Request, paths: Iterable[Path], time_s: float = TIME_S) -> Reply:
    """The answer of the first daemon that is there. Raises UnreachableError or ForbiddenError."""
    tried, until_s = list(paths), time.monotonic() + time_s
    forbidden = ""
    for path in tried:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                _connect(connection, path, until_s)
            except PermissionError:
                forbidden = str(path)
                continue
            except OSError:
                continue
            return _converse(connection, request, path, until_s)
    if forbidden:
        raise ForbiddenError(f"you may not talk to the daemon at {forbidden}", hint="use sudo, or join the group audio")
    places = " or ".join(map(str, tried)) or "a place that is not known: XDG_RUNTIME_DIR is not set"
    raise UnreachableError(f"no daemon answers at {places}", hint="does it run? systemctl status speakerd")


def _connect(connection: socket.socket, path: Path, until_s: float) -> None:
    """Where others crowd the door, queue: the kernel lets in who waits, sooner than who tries again. Raises OSError."""
    left_s = max(0.1, until_s - time.monotonic())
    limit = struct.pack("@ll", int(left_s), int(left_s % 1.0 * 1e6))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    connection.connect(str(path))


def _converse(connection: socket.socket, request: Request, path: Path, until_s: float) -> Reply:
    answer = b""
    try:
        connection.settimeout(max(0.1, until_s - time.monotonic()))
        with contextlib.suppress(BrokenPipeError):  # it was turned away; why, is there to be read
            connection.sendall(request.encode())
        while not answer.endswith(b"\n") and len(answer) < MAX_REPLY_BYTES:
            connection.settimeout(max(0.1, until_s - time.monotonic()))
            if not (piece := connection.recv(65_536)):
                break
            answer += piece
        return reply_of(answer)
    except (OSError, UnclearError) as error:  # a TimeoutError is an OSError
        raise UnreachableError(f"the daemon at {path} gave no answer ({type(error).__name__})") from error
