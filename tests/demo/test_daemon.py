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


def test_it_ends_with_the_process_that_started_it_however_that_ends(sound_card, tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert is_alive(pid)
        while b"setpriv" in Path(f"/proc/{pid}/cmdline").read_bytes():
            time.sleep(0.005)  # it has yet to ask for the signal: who dies before that leaves it behind
        starter.kill()
    until_s = time.monotonic() + 45  # while a card is opened, alsa-lib may keep Python waiting for half a minute
    while is_alive(pid) and time.monotonic() < until_s:
        time.sleep(0.02)
    left = is_alive(pid)
    if left:
        os.kill(pid, signal.SIGKILL)
    assert not left
