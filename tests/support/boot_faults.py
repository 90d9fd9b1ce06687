"""What happens to an installed speaker: each fault is brought about, ended, and leaves the service as it found it."""

from __future__ import annotations

import http
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from support.boot_home import CONFIG_PATH, Answer, Home, message, moment
from support.faulty_server import Fault, FaultyServer, Stage
from websockets.asyncio.server import Response, ServerConnection
from websockets.datastructures import Headers

LASTS_S = 3.0
"""So long a fault that can be ended lasts."""
WATCHDOG_WAIT_S = 40.0
DEAD_WAIT_S = 45.0
"""Zeros are believed for half a minute at first: so this comes to a service that was started a moment ago."""
FOLDERS = "/var/lib/private/speakerd /var/cache/private/speakerd"
CLOCK_DROP_IN = PurePath("/run/systemd/system/speakerd.service.d/clock.conf")


JUMP = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
static char *offset;
__attribute__((constructor)) static void map(void) {
    offset = mmap(0, 9, PROT_READ, MAP_SHARED, open("/run/clock/offset", O_RDONLY), 0);
}
int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(id, now);
    if (id == CLOCK_REALTIME && offset != MAP_FAILED) now->tv_sec += atoi(offset);
    return status;
}
"""
"""The machine's clock is the host's, which is not ours to set: so the service is shown another one."""


@dataclass(frozen=True)
class BootFault:
    """One line of the table."""

    name: str
    act: Callable[[Home], float]
    """Bring it about and end it; when it ended, CLOCK_MONOTONIC seconds. From then on all must be well."""
    named: str
    """Regular expression: so the journal tells of it."""
    undo: Callable[[Home], None] = lambda _home: None
    """What is to be done afterwards, while it is idle."""


@dataclass(frozen=True)
class Outcome:
    """What a fault came to. Seconds from its end on."""

    told: str
    """The first line of the journal that names it; empty if none does."""
    works_s: float | None
    """When the service said that it, or its device, works again; None if that was before, or it never ceased to."""
    answer: Answer


def suffer(home: Home, fault: BootFault) -> Outcome:
    """The fault, and the calls after it, until there is an answer. Raises AssertionError if none comes."""
    home.read()
    since = len(home.entries)
    end_s = fault.act(home)
    answer = home.call(end_s)
    home.idle()
    home.read()
    entries = home.entries[since:]
    told = next((line for line in map(message, entries) if re.search(fault.named, line)), "")
    works_s = [moment(entry) - end_s for entry in entries if entry.get("SPEAKERD_EVENT") in ("Ready", "DeviceWorks")]
    fault.undo(home)
    return Outcome(told, max((s for s in works_s if s > 0), default=None), answer)


def _kill(home: Home) -> float:
    home.machine.run("systemctl kill --signal KILL --kill-whom main speakerd")
    return time.monotonic()


def _stop(home: Home) -> float:
    since = len(home.entries)
    home.machine.run("systemctl kill --signal STOP --kill-whom main speakerd")
    _killed(home, since)
    return time.monotonic()


def _killed(home: Home, since: int) -> None:
    """Wait for the watchdog's verdict."""
    home.wait(lambda entry: "code=killed" in message(entry), since, WATCHDOG_WAIT_S)


def _server_killed(home: Home) -> float:
    home.card.crash()
    time.sleep(LASTS_S)
    home.card.revive()
    return time.monotonic()


def _server_hangs(home: Home) -> float:
    since = len(home.entries)
    home.card.freeze()
    _killed(home, since)
    home.card.thaw()
    return time.monotonic()


def _mic_unplugged(home: Home) -> float:
    home.card.unplug("mic")
    time.sleep(LASTS_S)
    home.card.plug("mic")
    return time.monotonic()


def _speaker_unplugged(home: Home) -> float:
    home.card.unplug("speaker")
    time.sleep(LASTS_S)
    home.card.plug("speaker")
    return time.monotonic()


def _hushed(home: Home) -> float:
    """A microphone that is muted in its mixer, or whose way is dead, gives zeros."""
    since = len(home.entries)
    home.card.hush(hushed=True)
    home.wait(lambda entry: entry.get("SPEAKERD_EVENT") == "MicrophoneDead", since, DEAD_WAIT_S)
    home.card.hush(hushed=False)
    return time.monotonic()


def _suspended(home: Home) -> float:
    home.card.suspend(asleep=True)
    time.sleep(LASTS_S)
    home.card.suspend(asleep=False)
    return time.monotonic()


def _network_gone(home: Home) -> float:
    home.machine.run("systemctl set-property --runtime speakerd IPAddressDeny=any")
    home.call_in_vain()
    home.machine.run("systemctl set-property --runtime speakerd IPAddressDeny=")
    return time.monotonic()


def _key_refused(home: Home) -> float:
    async def refuse(_where: tuple[FaultyServer, ServerConnection]) -> Response:
        return Response(401, http.HTTPStatus(401).phrase, Headers(), b"")

    home.server.arm(Fault("key refused", "401", Stage.HANDSHAKE, refuse))
    home.call_in_vain()
    home.server.heal()
    return time.monotonic()


def _disk_full(home: Home) -> float:
    """Its two folders lie on a file system of their own that is full, from its start on."""
    run = home.machine.run
    run("systemctl stop speakerd")
    run(f"for folder in {FOLDERS}; do mkdir -p $folder; mount -t tmpfs -o size=64k small $folder; done")
    run("systemctl start speakerd")
    run(f"for folder in {FOLDERS}; do dd if=/dev/zero of=$folder/filler bs=4k; done 2>/dev/null; true")
    home.call(time.monotonic())  # it goes on without its books
    home.idle()
    run(f"for folder in {FOLDERS}; do rm $folder/filler; done")
    return time.monotonic()


def _own_disk(home: Home) -> None:
    home.machine.run(f"systemctl stop speakerd; umount {FOLDERS}; systemctl start speakerd")


def _clock_jumps(home: Home) -> float:
    """The clock that the service sees goes a day ahead, and comes back after a call."""
    machine = home.machine
    machine.write("/run/clock/jump.c", JUMP)
    machine.run("gcc -shared -fPIC -o /run/clock/jump.so /run/clock/jump.c && printf '%8s' >/run/clock/offset")
    machine.write(str(CLOCK_DROP_IN), "[Service]\nEnvironment=LD_PRELOAD=/run/clock/jump.so\n")
    machine.run("systemctl daemon-reload && systemctl restart speakerd")
    machine.run("grep -q jump.so /proc/$(systemctl show -p MainPID --value speakerd)/maps")
    since = len(home.entries)
    machine.run("printf '%08d' 86400 >/run/clock/offset")
    home.call(time.monotonic())
    home.wait(lambda entry: entry.get("SPEAKERD_EVENT") == "ClockJumped", since, 15)
    home.idle()
    machine.run("printf '%08d' 0 >/run/clock/offset")
    return time.monotonic()


def _own_clock(home: Home) -> None:
    home.machine.run(f"rm -r {CLOCK_DROP_IN.parent}; systemctl daemon-reload && systemctl restart speakerd")


def _reload(home: Home, change: str) -> float:
    """The file with a change is read anew; when systemd says that this is over."""
    home.machine.write(CONFIG_PATH, home.machine.run(f"cat {CONFIG_PATH}") + change)
    home.machine.run("systemctl reload speakerd")
    assert home.machine.show("ActiveState") == "active"
    return time.monotonic()


def _own_configuration(home: Home) -> None:
    home.configure()
    home.machine.run("systemctl reload speakerd")


FAULTS = (
    BootFault("SIGKILL", _kill, r"status=9/KILL"),
    BootFault("microphone gives zeros, and sound again", _hushed, r"no sound at all, not even noise"),
    BootFault("SIGSTOP, until the watchdog sees it", _stop, r"Watchdog timeout"),
    BootFault("sound server killed, and back", _server_killed, r"(microphone|loudspeaker) does not work"),
    BootFault("sound server hangs, until the watchdog sees it", _server_hangs, r"Watchdog timeout"),
    BootFault("microphone unplugged, and back", _mic_unplugged, r"microphone does not work"),
    BootFault("loudspeaker unplugged, and back", _speaker_unplugged, r"loudspeaker does not work"),
    BootFault("both suspended, and awake again", _suspended, r"(microphone|loudspeaker) does not work.* 2 s"),
    BootFault("network gone, and back", _network_gone, r"network"),
    BootFault("key refused, then accepted", _key_refused, r"key"),
    BootFault("disk full, then not", _disk_full, r"No space left", _own_disk),
    BootFault("clock a day ahead, and back", _clock_jumps, r"clock was set", _own_clock),
    BootFault(
        "reload with a bad file",
        lambda home: _reload(home, "sound: {notices: false}\n"),
        r"stays as it was: .*sound",
        _own_configuration,
    ),
    BootFault(
        "reload with a good file",
        lambda home: _reload(home, "sounds: {notices: false}\n"),
        r"read anew: sounds.notices",
        _own_configuration,
    ),
)
