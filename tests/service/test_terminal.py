"""A SIGHUP of a terminal that was closed is told from one that somebody sent."""

from __future__ import annotations

import os
import subprocess
import sys

CHILD = """
import os, signal, sys
from speakerd.service.terminal import Terminal
terminal = Terminal()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
os.write(int(sys.argv[1]), b"ready ")
signal.sigwait({signal.SIGHUP})
os.write(int(sys.argv[1]), b"gone" if terminal.is_gone() else b"there")
"""


def start(stdin: int, told: int) -> subprocess.Popen[bytes]:
    # A session of its own whose controlling terminal is stdin, where that is one.
    program = ["setsid", "--ctty"] if os.isatty(stdin) else ["setsid"]
    return subprocess.Popen([*program, sys.executable, "-c", CHILD, str(told)], stdin=stdin, pass_fds=[told])


def read(pipe: int, size: int) -> bytes:
    text = b""
    while len(text) < size and (piece := os.read(pipe, size - len(text))):
        text += piece
    return text


def test_on_a_terminal():
    for close, expected in ((True, b"gone"), (False, b"there")):
        master, slave = os.openpty()
        reader, writer = os.pipe()
        with start(slave, writer) as child:
            os.close(slave)
            os.close(writer)
            assert read(reader, 6) == b"ready "
            if close:
                os.close(master)  # the kernel sends SIGHUP
            else:
                child.send_signal(1)
            assert read(reader, 5).startswith(expected)
        os.close(reader)
        if not close:
            os.close(master)


def test_without_one():
    reader, writer = os.pipe()
    with open(os.devnull) as nothing, start(nothing.fileno(), writer) as child:  # noqa: PTH123 - a device
        os.close(writer)
        assert read(reader, 6) == b"ready "
        child.send_signal(1)
        assert read(reader, 5) == b"there"
    os.close(reader)
