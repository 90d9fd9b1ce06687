"""A real journald for a test: in a mount namespace of its own, beside the machine's, for as long as a script runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

JOURNALD = Path("/lib/systemd/systemd-journald")
ROOT = Path(__file__).resolve().parents[2]

_SESSION = """
set -eu
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
mount -t tmpfs tmpfs /var/lib/systemd
mkdir -p /var/lib/systemd/catalog
mkdir /run/catalog
cp /usr/lib/systemd/catalog/systemd.catalog "$1" /run/catalog/
mount --bind /run/catalog /usr/lib/systemd/catalog
journalctl --update-catalog
"$2" &
journald=$!
for i in $(seq 200); do [ -S /run/systemd/journal/socket ] && break; sleep 0.05; done
"$3" "$4"
journalctl --sync 2>/dev/null || sleep 0.5
journalctl --no-pager --output=short "--catalog" SYSLOG_IDENTIFIER=speakerd >"$5/explained" || true
kill "$journald"
wait "$journald" || true
cp -r /run/log/journal "$5/journal"
"""


def missing() -> str:
    """Why there cannot be one here; empty if there can."""
    if os.geteuid() != 0:
        return "needs root for a mount namespace"
    programs = [name for name in ("unshare", "journalctl") if shutil.which(name) is None]
    if programs or not JOURNALD.exists():
        return "needs systemd's journald"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "may not make a mount namespace"


def record(folder: Path, script: str) -> tuple[Path, str]:
    """Run a Python script that logs; the folder of journal files, and what `journalctl --catalog` shows of them."""
    if why := missing():
        pytest.skip(why)
    program = folder / "script.py"
    program.write_text(script)
    catalog = ROOT / "systemd" / "speakerd.catalog"
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c", _SESSION, "journald",
         catalog, JOURNALD, sys.executable, program, folder],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, encoding="utf-8", timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (journal,) = (folder / "journal").iterdir()
    return journal, (folder / "explained").read_text()
