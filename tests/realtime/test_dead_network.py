"""A network that dies without a word: packets vanish, nobody says goodbye. In a network namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "support" / "dead_network.py"
PROBE = "ip link set lo up && tc qdisc replace dev lo root blackhole"


def can_isolate() -> bool:
    """True if this machine lets us make a namespace whose loopback swallows everything."""
    if not all(shutil.which(tool) for tool in ("unshare", "ip", "tc")):
        return False
    return subprocess.run(["unshare", "-rn", "sh", "-c", PROBE], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_isolate(), reason="needs unshare, ip and tc, and user namespaces")
@pytest.mark.parametrize(
    ("how", "network_s", "ping_s", "at_most_s"),
    [("talk", 1.0, 30.0, 3.0), ("quiet", 30.0, 0.4, 2.0)],
    ids=["while sound is sent", "by a ping"],
)
def test_it_is_noticed_soon(how, network_s, ping_s, at_most_s):
    command = ["unshare", "-rn", sys.executable, str(SCRIPT), how, str(network_s), str(ping_s)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, env=environment, check=False)
    seconds, cause = done.stdout.split()
    assert cause in ("connection_lost", "network_dead")
    assert float(seconds) < at_most_s
