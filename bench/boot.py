"""An installed speaker in a really booted systemd: what befalls it, and how long until it hears and answers again.

    sudo python bench/boot.py [--suite bookworm|trixie]

Boots a Debian in namespaces (../shared/rig; root), runs script/install, and brings about each fault of
tests/support/boot_faults.py with the unit as it is installed. Prints markdown.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.boot_faults import FAULTS, suffer  # noqa: E402
from support.boot_home import Home, home  # noqa: E402
from support.booted import ASKED_FOR, why_not  # noqa: E402


def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def table(household: Home) -> None:
    print("| fault | the journal names it | works again, s | heard, s | answered, s | calls |")
    print("|---|---|---|---|---|---|")
    for fault in FAULTS:
        outcome = suffer(household, fault)
        told = outcome.told if len(outcome.told) < 100 else f"{outcome.told[:97]}…"
        answer = outcome.answer
        times = f"{seconds(outcome.works_s)} | {answer.heard_s:.1f} | {answer.answered_s:.1f} | {answer.calls}"
        print(f"| {fault.name} | {told or '-'} | {times} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="bookworm", choices=["bookworm", "trixie"])
    suite = parser.parse_args().suite
    os.environ[ASKED_FOR] = suite
    if reason := why_not(suite):
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.monotonic()
        with home(suite, Path(folder)) as household:
            version = household.machine.run("systemctl --version | head -n 1; speakerd --version")
            print(f"{suite}: {'; '.join(version.split(chr(10)))}installed in {time.monotonic() - began_s:.0f} s")
            household.configure()
            began_s = time.monotonic()
            household.machine.run("systemctl enable --now speakerd")
            print(f"ready {time.monotonic() - began_s:.1f} s after `systemctl start`\n")
            household.call(time.monotonic())
            household.idle()
            table(household)


if __name__ == "__main__":
    main()
