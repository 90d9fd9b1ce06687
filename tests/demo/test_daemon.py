"""The daemon as a child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.alsa

STARTER = """\
import sys, time
from pathlib import Path
from speakerd.demo.daemon import Daemon
class Card:
    env = {}
daemon = Daemon(Card(), Path(sys.argv[1]), "", {})
daemon.start()
print(daemon.pid, flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    """False for one that has ended, be it still unburied."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def has_yet_to_ask(pid: int) -> bool:
    """True while it is still `setpriv`; between two programs the command line reads empty for a moment."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    return not command or b"setpriv" in command


def test_it_ends_with_the_process_that_started_it_however_that_ends(sound_card, tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert is_alive(pid)
        while has_yet_to_ask(pid):
            time.sleep(0.005)
        starter.kill()
    until_s = time.monotonic() + 6
    while is_alive(pid) and time.monotonic() < until_s:
        time.sleep(0.02)
    left = is_alive(pid)
    if left:
        os.kill(pid, signal.SIGKILL)
    assert not left
