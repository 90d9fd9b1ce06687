"""Hours of sound with random faults: is it ever stuck, and does anything grow?

    python bench/soak.py [--minutes 120] [--seed 1]

One daemon on the virtual sound card, which hears its own echo, with a server on this machine. Again and again:
a stretch of background sound, a fault of a random kind, moment and length, and then the user calls until there is
an answer. The faults are those of `bench/faults.py` (the server and the way to it) and those of HOUSEHOLD below
(sound server, plugs, signals, a busy machine). systemd is played by the bench, which counts the watchdog's pulses;
faults that end the process are `bench/boot.py`'s. Prints markdown, and rows as they come to the standard error.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.alsa_room import AlsaRoom  # noqa: E402
from support.fault_run import CONFIG, FaultRun, Outcome  # noqa: E402
from support.faults import draw  # noqa: E402
from support.faulty_server import FaultyServer  # noqa: E402
from support.listening import Listening  # noqa: E402
from support.outside_card import OutsideCard, new_folder  # noqa: E402
from support.supervisor import Supervisor  # noqa: E402
from support.unit import allocator  # noqa: E402
from support.vitals import Vitals  # noqa: E402

from speakerd.cli.recording import read_blocks  # noqa: E402
from speakerd.demo.daemon import Daemon  # noqa: E402
from speakerd.pcm import NEAR_RATE_HZ, Samples  # noqa: E402

WATCHDOG_S = 20.0
"""As in the unit."""
BACKGROUND = ("noise", "speech", "music")
BACKGROUND_DBFS = -45.0
QUIET_S, SOUND_S = (0.5, 4.0), (2.0, 8.0)
LASTS_S = (0.3, 6.0)
HOUSEHOLD_SHARE = 0.5
WANTED_S = 10.0


@dataclass(frozen=True)
class House:
    """What faults happen to."""

    room: AlsaRoom
    daemon: Daemon
    config_path: Path


def _sound_server_killed(house: House, lasts_s: float) -> None:
    with house.room.broken() as card:
        card.crash()
        time.sleep(lasts_s)
        card.revive()


def _sound_server_hangs(house: House, lasts_s: float) -> None:
    with house.room.broken() as card:
        card.freeze()
        time.sleep(lasts_s)
        card.thaw()


def _mic_unplugged(house: House, lasts_s: float) -> None:
    with house.room.broken() as card:
        card.unplug("mic")
        time.sleep(lasts_s)
        card.plug("mic")


def _speaker_unplugged(house: House, lasts_s: float) -> None:
    with house.room.broken() as card:
        card.unplug("speaker")
        time.sleep(lasts_s)
        card.plug("speaker")


def _suspended(house: House, lasts_s: float) -> None:
    with house.room.broken() as card:
        card.suspend(asleep=True)
        time.sleep(lasts_s)
        card.suspend(asleep=False)


def _nothing_but_zeros(house: House, lasts_s: float) -> None:
    house.room.card.hush(hushed=True)
    time.sleep(lasts_s)
    house.room.card.hush(hushed=False)


def _stopped(house: House, lasts_s: float) -> None:
    os.kill(house.daemon.pid, signal.SIGSTOP)
    time.sleep(lasts_s)
    os.kill(house.daemon.pid, signal.SIGCONT)


def _busy(_house: House, lasts_s: float) -> None:
    hogs = [subprocess.Popen((sys.executable, "-c", "while True: pass")) for _ in range(4 * (os.cpu_count() or 1))]
    time.sleep(lasts_s)
    for hog in hogs:
        hog.kill()
        hog.wait()


def _reload_bad(house: House, lasts_s: float) -> None:
    kept = house.config_path.read_text()
    house.config_path.write_text(kept + "sound: {notices: false}\n")
    os.kill(house.daemon.pid, signal.SIGHUP)
    time.sleep(lasts_s)
    house.config_path.write_text(kept)


def _reload_good(house: House, lasts_s: float) -> None:
    kept = house.config_path.read_text()
    for text in (kept.replace("notice_pause_s: 0", "notice_pause_s: 1"), kept):
        house.config_path.write_text(text)
        os.kill(house.daemon.pid, signal.SIGHUP)
        time.sleep(lasts_s / 2)


HOUSEHOLD: dict[str, Callable[[House, float], None]] = {
    "sound server killed": _sound_server_killed,
    "sound server hangs": _sound_server_hangs,
    "microphone unplugged": _mic_unplugged,
    "loudspeaker unplugged": _speaker_unplugged,
    "both suspended": _suspended,
    "microphone gives zeros": _nothing_but_zeros,
    "process stopped, and let go on": _stopped,
    "busy machine": _busy,
    "reload of a bad file": _reload_bad,
    "reload of a good file, twice": _reload_good,
}


class Soak:
    """One run."""

    def __init__(self, house: House, run: FaultRun, seed: int) -> None:
        self._house, self._run = house, run
        self._random = random.Random(seed)
        self._server_faults = iter(draw(100_000, seed))
        self._sounds = list(backgrounds())
        self.outcomes: list[tuple[float, Outcome]] = []
        """Each with the time at which it was over."""

    def go_on(self, until_s: float) -> None:
        """Fault after fault."""
        while time.monotonic() < until_s and self._house.daemon.exit_status is None:
            self._live()
            before = len(self._run.log)
            outcome = self._next()
            self.outcomes.append((time.monotonic(), outcome))
            told = (
                f"{len(self.outcomes)} {outcome.kind} ({outcome.detail}): {outcome.recovery_s:.1f} s {outcome.vitals}"
            )
            print(told, file=sys.stderr, flush=True)
            if outcome.troubles or outcome.calls > 2 or "Traceback" in self._run.log[before:]:
                print(outcome.troubles, self._run.log[before:], sep="\n", file=sys.stderr, flush=True)

    def _live(self) -> None:
        """A while without faults."""
        self._house.room.forget()
        time.sleep(self._random.uniform(*QUIET_S))
        if self._sounds and self._random.random() < 0.5:
            sound = self._random.choice(self._sounds)
            seconds = self._random.uniform(*SOUND_S)
            start = self._random.randrange(max(1, sound.size - round(seconds * NEAR_RATE_HZ)))
            self._house.room.say(sound[start : start + round(seconds * NEAR_RATE_HZ)])
            time.sleep(seconds)

    def _next(self) -> Outcome:
        if self._random.random() > HOUSEHOLD_SHARE:
            return self._run.converse(next(self._server_faults), patient=self._random.random() < 0.5)
        name, act = self._random.choice(list(HOUSEHOLD.items()))
        lasts_s = self._random.uniform(*LASTS_S)
        return self._run.befall(
            name, f"{lasts_s:.1f} s", lambda: act(self._house, lasts_s), mid_reply=self._random.random() < 0.5
        )


def backgrounds() -> Iterator[Samples]:
    """Recordings of ../shared, int16 mono 16 kHz, all equally loud; none without it."""
    for folder in BACKGROUND:
        for path in sorted((ROOT.parent / "shared" / "audio" / folder).glob("*")):
            sound = np.concatenate(list(read_blocks(path))).astype(float)
            level_dbfs = 20 * np.log10(np.sqrt(np.mean(sound**2)) / 32_768)
            louder = 10 ** ((BACKGROUND_DBFS - level_dbfs) / 20)
            yield np.clip(sound * louder, -32_768, 32_767).astype(np.int16)


def report(outcomes: list[tuple[float, Outcome]], began_s: float, supervisor: Supervisor) -> bool:
    """Tables; True if all is as it must be."""
    rows = [row for _, row in outcomes]
    troubles = [trouble for row in rows for trouble in row.troubles]
    times = [row.recovery_s for row in rows if row.recovery_s]
    minutes = (outcomes[-1][0] - began_s) / 60
    print(f"{len(rows)} faults in {minutes:.0f} min.\n\n| | |\n|---|---|")
    print(f"| stuck, dead, no answer | {troubles or 0} |")
    print(f"| answers again, s after the fault's end: p50, p95, max | {quantiles(times)} |")
    print(f"| … later than {WANTED_S:.0f} s | {sum(s > WANTED_S for s in times)} |")
    print(f"| … at the first call | {sum(row.calls == 1 for row in rows)} |")
    print(f"| calls in which no wake word was detected | {sum(row.unheard for row in rows)} |")
    print(f"| watchdog: pulses, longest gap | {supervisor.pulses}, {supervisor.longest_gap_s:.1f} s |\n")
    print("| fault | times | answers again, s: p50, p95, max |\n|---|---|---|")
    for kind in sorted({row.kind for row in rows}):
        mine = [row for row in rows if row.kind == kind]
        print(f"| {kind} | {len(mine)} | {quantiles([row.recovery_s for row in mine if row.recovery_s])} |")
    print("\nMedians of a tenth of the time each:\n")
    print("| after, min | RSS, MB | descriptors | threads |\n|---|---|---|---|")
    tenths = list(vitals_by_tenth(outcomes, began_s))
    for at, (rss_mb, descriptors, threads) in enumerate(tenths):
        print(f"| {minutes * (at + 1) / 10:.0f} | {rss_mb:.1f} | {descriptors:.0f} | {threads:.0f} |")
    grown = tenths[-1][0] / tenths[1][0] - 1
    print(f"\nGrowth from the second tenth to the last: memory {grown:+.1%}.")
    return not troubles and max(times) <= WANTED_S and supervisor.longest_gap_s < WATCHDOG_S


def vitals_by_tenth(outcomes: list[tuple[float, Outcome]], began_s: float) -> Iterator[tuple[float, float, float]]:
    """Medians of RSS (MB), descriptors, threads."""
    length_s = outcomes[-1][0] - began_s
    for tenth in range(10):
        first_s, last_s = began_s + length_s * tenth / 10, began_s + length_s * (tenth + 1) / 10
        mine: list[Vitals] = [row.vitals for at, row in outcomes if first_s < at <= last_s and row.vitals]
        if mine:
            yield (
                statistics.median(v.rss_mb for v in mine),
                statistics.median(v.descriptors for v in mine),
                statistics.median(v.threads for v in mine),
            )


def quantiles(values: list[float]) -> str:
    """Median, 95th percentile and largest."""
    return ", ".join(f"{q:.1f}" for q in np.percentile(values, [50, 95, 100])) if values else "-"


def main() -> None:
    """Run and report; exit status 1 if something was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        card = OutsideCard(new_folder())
        stack.callback(shutil.rmtree, card.folder, ignore_errors=True)
        room = AlsaRoom(stack.enter_context(card))
        stack.callback(room.close)
        server = stack.enter_context(FaultyServer())
        supervisor = stack.enter_context(Supervisor(folder, WATCHDOG_S))
        config = CONFIG.format(url=server.url, warm="true")
        daemon = Daemon(room, folder, config, {**room.env, **supervisor.env, **allocator()}, room.program)
        daemon.start()
        stack.callback(lambda: daemon.exit_status is None and daemon.stop())
        assert daemon.wait("Ready", timeout_s=30), daemon.log_path.read_text()
        run = FaultRun(server, room, daemon, Listening(folder / "cache" / "notices"))
        soak = Soak(House(room, daemon, folder / "speakerd.yaml"), run, options.seed)
        began_s = time.monotonic()
        soak.go_on(began_s + 60 * options.minutes)
        well = report(soak.outcomes, began_s, supervisor)
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
