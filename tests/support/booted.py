"""A machine with a systemd of its own: a Debian in namespaces, booted by the rig in ../shared, for root alone."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RIG = ROOT.parent / "shared" / "rig" / "boot-systemd.sh"
CACHE = Path(os.environ.get("FRESH_CACHE", "/var/cache/fresh-machine"))
PACKAGES = (
    "ca-certificates", "python3-venv", "python3-dev", "gcc", "pkg-config", "libasound2-dev", "libsystemd-dev",
    "alsa-utils", "flite", "libasound2-plugins", "libasound2-data",
)  # fmt: skip
"""In the image beside what the rig puts there: what script/install would fetch, and the virtual card's plugin."""

LOCK = Path("/run/lock/speakerd-boot")
ASKED_FOR = "SPEAKERD_BOOT"
"""Variable: names of Debian's releases to boot, bookworm and trixie. By default bookworm, if its image is there."""

Entry = dict[str, Any]
"""One entry of the journal."""


def why_not(suite: str) -> str:
    """What keeps such a machine from running here; empty if nothing does."""
    if os.geteuid() != 0:
        return "needs root to boot a systemd in namespaces"
    if not RIG.is_file():
        return "needs ../shared/rig, which is not part of the project"
    if not (CACHE / f"boot-{suite}" / ".complete").exists():
        if ASKED_FOR not in os.environ:
            return f"needs an image of {suite}: with {ASKED_FOR}={suite} it is made, in two minutes more"
        if shutil.which("debootstrap") is None:
            return "needs debootstrap to make an image"
    if subprocess.run(("unshare", "--mount", "--pid", "--fork", "true"), check=False, capture_output=True).returncode:
        return "may not make namespaces (CAP_SYS_ADMIN)"
    return ""


class Machine:
    """Runs from `start` to `stop`. `/src` is this checkout; the network is the host's, so is the clock."""

    def __init__(self, suite: str, folder: Path, shared_folders: Sequence[Path] = ()) -> None:
        """`folder` must not exist; `shared_folders` are seen inside under the same names."""
        self.suite = suite
        binds = " ".join(f"{path}:{path}" for path in shared_folders)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("BOOT_", "PULSE_"))}
        self._environment = {**kept, "BOOT_DIR": str(folder), "BOOT_BIND": binds}
        self._cursor = ""
        self._lock = LOCK.open("w")

    def start(self) -> None:
        """Boot, once no other does: all share the host's one cgroup. The first time the image is made."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._rig("make", self.suite, *PACKAGES, timeout_s=600)
        self._rig("start", self.suite, str(ROOT), timeout_s=60)

    def stop(self) -> None:
        """Power off; nothing remains."""
        self._rig("stop", timeout_s=60)
        self._lock.close()

    def run(self, command: str, *, check: bool = True, timeout_s: float = 60, text: str = "") -> str:
        """What `sh -c command` prints as root; `text` is its input. Raises AssertionError with all it said."""
        done = self._rig("exec", command, timeout_s=timeout_s, text=text, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def status(self, command: str, timeout_s: float = 60) -> tuple[int, str]:
        """Exit status, and all that was said."""
        done = self._rig("exec", command, timeout_s=timeout_s, check=False)
        return done.returncode, done.stdout + done.stderr

    def write(self, path: str, text: str) -> None:
        """A file inside, with its folders."""
        self.run(f"mkdir -p $(dirname {path}) && cat >{path}", text=text)

    def show(self, name: str) -> str:
        """A property of the unit speakerd."""
        return self.run(f"systemctl show speakerd --property {name} --value").strip()

    def journal(self) -> list[Entry]:
        """Entries of and about speakerd since the last call."""
        after = f"--after-cursor='{self._cursor}'" if self._cursor else ""
        text = self.run(f"journalctl --sync; journalctl --unit speakerd --output json --no-pager {after}")
        entries = [json.loads(line) for line in text.splitlines()]
        if entries:
            self._cursor = entries[-1]["__CURSOR"]
        return entries

    def _rig(
        self, *arguments: str, timeout_s: float, text: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            (str(RIG), *arguments), env=self._environment, input=text, capture_output=True, text=True,
            timeout=timeout_s, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done


def drop_in(environment: Mapping[str, str], **settings: str) -> str:
    """The text of a drop-in that adds to the service's environment, and settings of `[Service]`."""
    lines = [f"Environment={name}={value}" for name, value in environment.items()]
    return "\n".join(["[Service]", *lines, *(f"{name}={value}" for name, value in settings.items())]) + "\n"
