"""`speakerd`, with threads that the kernel knows by their names: for bench/idle.py."""

from __future__ import annotations

import ctypes
import sys
import threading

from speakerd.cli import main

PR_SET_NAME = 15


def name_this_thread(*_: object) -> None:
    """As a profile function: at the thread's first call, and never again."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, threading.current_thread().name.encode()[:15], 0, 0, 0)
    sys.setprofile(None)


if __name__ == "__main__":
    threading.setprofile(name_this_thread)
    main()
