"""No command ends in a traceback because of where its output goes."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("verb", ["check", "usage", "--help"])
@pytest.mark.parametrize(("to", "status", "told"), [("/dev/full", 1, b"no space is left"), ("&-", 0, b"")])
def test_an_output_that_takes_nothing(verb: str, to: str, status: int, told: bytes, tmp_path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m speakerd {verb} >{to}', sys.executable],
        env={"PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == status
    assert told in done.stderr
    assert b"Traceback" not in done.stderr
